import { Rig } from '../test/unit/broker/rig.ts';
const rig = new Rig({ brokers: 3, change: (o: any) => ({ ...o, observer: undefined }) });
const leader = rig.awaitLeader(); rig.run(2000);
const go = (n: number) => { let done = 0; const next = () => { rig.cluster.callInside(rig.member(leader), (s: any, a: any) => s.append(req(), a), () => { done++; if (done < n) next(); }); }; next(); rig.until('done', () => done >= n, 600_000); };
import { appendOf } from '../test/unit/broker/rig.ts';
const req = () => appendOf(['x'.repeat(100)]);
go(1500);
const best: number[] = [];
for (let r = 0; r < 6; r++) { const c0 = process.cpuUsage(); go(1500); const c = process.cpuUsage(c0); best.push((c.user + c.system) / 1500); }
console.log(best.map((x) => x.toFixed(0)).join(' '), 'min', Math.min(...best).toFixed(1));
