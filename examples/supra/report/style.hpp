// How the page looks, and what its charts say at the pointer.
#pragma once

namespace supra::program::report {

inline constexpr const char* style = R"(
:root{--page:#f6f5f1;--sheet:#fffefb;--ink:#1d2126;--soft:#5c646e;--rule:#e2e0d8;--teacher:#2563b0;--student:#d2540f;
--scratch:#767d87;--floor:#2b8a57;--linear:#8b4fb0}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--sheet:#1c2026;--ink:#e9e8e3;--soft:#a0a8b2;--rule:#323841;
--teacher:#6ea8f2;--student:#ff8b4a;--scratch:#8f98a3;--floor:#5cc48e;--linear:#c592e6}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}
h1{font-size:15px;font-weight:600;margin:0;color:var(--soft)}
.headline{font:500 27px/1.32 Charter,"Bitstream Charter","Iowan Old Style",Georgia,serif;margin:12px 0 10px;
max-width:42em;text-wrap:pretty}
.lead{margin:0;max-width:62em;color:var(--soft)}
h2{font-size:19px;margin:44px 0 14px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:13px;font-weight:600;margin:0 0 4px;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:12px;margin-top:28px}
.card,.chart,.sample,section table{background:var(--sheet);border:1px solid var(--rule);border-radius:6px}
.card{padding:13px 15px 12px;border-top:3px solid var(--scratch)}
.card.teacher,.sample.teacher{border-top-color:var(--teacher)}
.card.student,.sample.student{border-top-color:var(--student)}.card.share{border-top-color:var(--ink)}
.card b{font-size:29px;font-weight:600;line-height:1.2;font-variant-numeric:tabular-nums}
.card p{margin:3px 0 0;font-size:13px;line-height:1.45;color:var(--soft)}
.said{font-size:13.5px;color:var(--soft);margin:8px 0 0}
.chart{margin:0 0 16px;padding:15px 16px 8px;min-width:0}
.chart figcaption{font-weight:600}.chart .said{margin:2px 0 0}
.legend{display:flex;flex-wrap:wrap;gap:3px 18px;margin:6px 0 4px;font-size:13px;color:var(--soft)}
.legend span{display:inline-flex;align-items:center;gap:6px}
.plot{display:block;width:100%;height:auto;overflow:visible}
.three,.two,.samples{display:grid;gap:16px}
.three{grid-template-columns:repeat(auto-fit,minmax(300px,1fr))}
.two{grid-template-columns:repeat(auto-fit,minmax(380px,1fr));align-items:start}
.three .plot{max-width:460px}
.samples{grid-template-columns:repeat(auto-fit,minmax(228px,1fr));margin-bottom:26px;gap:12px;align-items:start}
.sample{padding:12px 14px;border-top-width:3px;min-width:0}
.sample p,.prompt{white-space:pre-wrap;overflow-wrap:anywhere;font:15px/1.55 Charter,"Bitstream Charter",Georgia,serif}
.sample p{margin:4px 0 0}
.prompt{margin:0 0 12px;padding:2px 0 2px 14px;border-left:3px solid var(--ink);font-size:16px}
.prompt span{display:block;font:600 13px/1.5 system-ui,sans-serif;color:var(--soft)}
section table{border-collapse:separate;border-spacing:0;width:100%;font-size:14px;margin-bottom:20px;overflow:hidden}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}
tr:last-child>th,tr:last-child>td{border-bottom:0}thead th{border-bottom:1px solid var(--rule)!important}
th{font-weight:500;color:var(--soft)}td{font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
td.score{white-space:nowrap}td.score b{font-weight:600}td.score span{color:var(--soft);font-size:12.5px}
td.score svg{display:block;margin-top:3px}.track{fill:var(--rule)}.bar{fill:var(--c)}.chance{stroke:var(--ink)}
.whisker{stroke:var(--ink);stroke-width:1.4}tr.less td,tr.less th{color:var(--soft)}
svg text{fill:var(--soft);font:12.5px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .note{fill:var(--ink);paint-order:stroke;stroke:var(--sheet);stroke-width:4px;stroke-linejoin:round}
.grid{stroke:var(--rule)}.base,.mark{stroke:var(--soft)}
polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}
.teacher{--c:var(--teacher)}.student{--c:var(--student)}.scratch{--c:var(--scratch)}.floor{--c:var(--floor)}
.linear{--c:var(--linear)}
polyline,line.raw,line.line,line.held,line.level{stroke:var(--c);stroke-width:2}
.raw{opacity:.28}polyline.raw{stroke-width:1}polyline.held{stroke-width:1;stroke-dasharray:1 4}
polyline.line{stroke-width:2;stroke-dasharray:none}polyline.level{stroke-width:1.6;stroke-dasharray:7 4}
line.level{stroke-width:1.6;stroke-dasharray:7 4}line.level.floor{stroke-dasharray:2 3}
circle{fill:var(--c);stroke:var(--sheet);stroke-width:2}
.cursor{stroke:var(--soft);visibility:hidden}
#tip{position:fixed;z-index:9;pointer-events:none;visibility:hidden;background:var(--ink);color:var(--page);
border-radius:5px;padding:6px 10px;font-size:13px;line-height:1.45;font-variant-numeric:tabular-nums}
footer{margin-top:40px;font-size:13px;color:var(--soft)}
@media (max-width:700px){main{padding:24px 14px}.headline{font-size:22px}.two{grid-template-columns:1fr}}
@media print{:root{--page:#fff;--sheet:#fff;--ink:#111;--soft:#444;--rule:#ccc;--teacher:#2563b0;--student:#d2540f;
--scratch:#767d87;--floor:#2b8a57;--linear:#8b4fb0}
body{font-size:13px}main{max-width:none;padding:0}.headline{font-size:21px}h2{margin:26px 0 10px}section table{font-size:12px}
th,td{padding:3px 9px}.sample p,.prompt{font-size:12.5px}.card b{font-size:22px}.legend{font-size:11px}
.cards{grid-template-columns:repeat(6,1fr);gap:8px}.three{grid-template-columns:repeat(3,1fr)}.two{grid-template-columns:1fr 1fr}
.samples{grid-template-columns:repeat(4,1fr)}
.card,.chart,.sample,tr{break-inside:avoid}h2{break-after:avoid}
#tip,.cursor{display:none}}
)";

// What each line says at the pointer, read back from where its points were drawn.
inline constexpr const char* script = R"(
'use strict';
const tip=document.getElementById('tip');
const scale=(v,b,u)=>{let i=0;while(Math.abs(v)>=b&&i<u.length-1){v/=b;i++}return Number(v.toPrecision(3))+u[i]};
const write={count:v=>scale(Math.round(v),1000,['','k','M','B','T'])+' tokens',loss:v=>v.toFixed(3),share:v=>(100*v).toFixed(1)+'%',plain:v=>scale(v,
1000,['','k','M']),
bytes:v=>scale(v,1000,[' B',' kB',' MB',' GB',' TB']),seconds:v=>scale(v*1e9,1000,[' ns',' µs',' ms',' s'])};
const axis=s=>{const[a,b,log,unit]=s.split(' ');return{unit,
at:t=>+log?Math.exp(Math.log(a)+t*(Math.log(b)-Math.log(a))):+a+t*(b-a)}};
for(const svg of document.querySelectorAll('svg.plot')){
const X=axis(svg.dataset.x),Y=axis(svg.dataset.y),[l,r,t,b]=svg.dataset.box.split(' ').map(Number),
cursor=svg.querySelector('.cursor');
const lines=[...svg.querySelectorAll('polyline')].map(p=>({name:p.dataset.name,
at:p.getAttribute('points').trim().split(' ').map(q=>q.split(',').map(Number))}));
const hide=()=>{tip.style.visibility=cursor.style.visibility='hidden'};
svg.addEventListener('pointerleave',hide);
svg.addEventListener('pointermove',e=>{
const box=svg.getBoundingClientRect(),x=(e.clientX-box.left)*svg.viewBox.baseVal.width/box.width;
if(x<l-6||x>r+6)return hide();
let best=null;const said=new Map();
for(const line of lines){let near=line.at[0];for(const p of line.at)if(Math.abs(p[0]-x)<=Math.abs(near[0]-x))near=p;
const old=said.get(line.name);if(!old||Math.abs(near[0]-x)<Math.abs(old[0]-x))said.set(line.name,near);
if(best===null||Math.abs(near[0]-x)<Math.abs(best-x))best=near[0]}
tip.replaceChildren();
const add=s=>{const d=document.createElement('div');d.textContent=s;tip.append(d)};
add(write[X.unit](X.at((best-l)/(r-l))));
for(const[name,p]of said)if(Math.abs(p[0]-best)<(r-l)/40)add(name+': '+write[Y.unit](Y.at((b-p[1])/(b-t))));
cursor.setAttribute('x1',best);cursor.setAttribute('x2',best);cursor.setAttribute('y1',t);cursor.setAttribute('y2',b);
cursor.style.visibility=tip.style.visibility='visible';
tip.style.left=Math.min(e.clientX+14,innerWidth-tip.offsetWidth-8)+'px';tip.style.top=Math.max(8,
e.clientY-tip.offsetHeight-10)+'px'})}
)";

}  // namespace supra::program::report
