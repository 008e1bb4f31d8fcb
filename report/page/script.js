(function(){var k="galen-theme",r=document.getElementsByName("theme"),i;
try{var v=localStorage.getItem(k);for(i=0;i<r.length;i++)if(r[i].value===v)r[i].checked=true}catch(e){}
for(i=0;i<r.length;i++)r[i].addEventListener("change",function(){try{localStorage.setItem(k,this.value)}catch(e){}});
})();
