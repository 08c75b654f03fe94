// A2 one answer
import type { Answer } from '../../eventlog/index.ts';
import { Findings } from './verdict.ts';

/** Every call is answered at most once and never during the call. */
export class OneAnswer {
  readonly findings = new Findings('A2');

  /** Makes a call and watches its answers. */
  watch<Value>(broker: number, isAlive: () => boolean, invoke: (answer: Answer<Value>) => void, done: Answer<Value>): void {
    let inside = true;
    let answered = false;
    this.findings.checked++;
    invoke((outcome) => {
      if (!isAlive()) return;
      if (inside) this.findings.violate(`broker ${broker} answered during the call`);
      if (answered) this.findings.violate(`broker ${broker} answered one call twice`);
      answered = true;
      done(outcome);
    });
    inside = false;
  }
}
