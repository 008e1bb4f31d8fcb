// Writes units.json: units with what the reference implementation of the US National Library of Medicine
// (npm @lhncbc/ucum-lhc 7.1.10) makes of them. Run: npm install @lhncbc/ucum-lhc@7.1.10, then
// node units.js < codes.txt > units.json, where codes.txt has one code a line.
const { UcumLhcUtils } = require("@lhncbc/ucum-lhc");
const utils = UcumLhcUtils.getInstance();
const out = [];
for (const code of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const u = utils.getSpecifiedUnit(code, "validate", false).unit;
  out.push(u ? { code, magnitude: u.magnitude_, dimensions: u.dim_ && u.dim_.dimVec_, special: !!u.isSpecial_ } : { code, refused: true });
}
console.log("[\n" + out.map((x) => JSON.stringify(x)).join(",\n") + "\n]");
