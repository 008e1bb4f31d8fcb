package scaffold

// bricsEnvironments are the atoms at the ends of bonds that are cut: a name, and a SMARTS. The letters b tell apart what
// has one number. They are RDKit's (BSD licence), after Degen et al.
const bricsEnvironments = `
1 [C;D3]([#0,#6,#7,#8])(=O)
3 [O;D2]-;!@[#0,#6,#1]
4 [C;!D1;!$(C=*)]-;!@[#6]
5 [N;!D1;!$(N=*);!$(N-[!#6;!#16;!#0;!#1]);!$([N;R]@[C;R]=O)]
6 [C;D3;!R](=O)-;!@[#0,#6,#7,#8]
7a [C;D2,D3]-[#6]
7b [C;D2,D3]-[#6]
8 [C;!R;!D1;!$(C!-*)]
9 [n;+0;$(n(:[c,n,o,s]):[c,n,o,s])]
10 [N;R;$(N(@C(=O))@[C,N,O,S])]
11 [S;D2](-;!@[#0,#6])
12 [S;D4]([#6,#0])(=O)(=O)
13 [C;$(C(-;@[C,N,O,S])-;@[N,O,S])]
14 [c;$(c(:[c,n,o,s]):[n,o,s])]
14b [c;$(c(:[c,n,o,s]):[n,o,s])]
15 [C;$(C(-;@C)-;@C)]
16 [c;$(c(:c):c)]
16b [c;$(c(:c):c)]`

// bricsPairs are the bonds between them. Each line is a step of the decomposition.
const bricsPairs = `
1-3 1-5 1-10
3-4 3-13 3-14 3-15 3-16
4-5 4-11
5-12 5-14 5-16 5-13 5-15
6-13 6-14 6-15 6-16
7a=7b
8-9 8-10 8-13 8-14 8-15 8-16
9-13 9-14 9-15 9-16
10-13 10-14 10-15 10-16
11-13 11-14 11-15 11-16
13-14 13-15 13-16
14-14 14-15 14-16
15-16
16-16`
