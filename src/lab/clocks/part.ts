import type { ChildProcess } from 'node:child_process';
import { LogError } from '../../eventlog/index.ts';
import { ownModule } from '../../system/package.ts';
import type { Children } from '../rig/index.ts';
import type { FromPart, Role, ToPart } from './channel.ts';

type Heard<Type extends FromPart['type']> = Extract<FromPart, { readonly type: Type }>;

/** A process of a trial, as the lab sees it. */
export class Part {
  readonly role: Role;
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #said = new Map<string, FromPart>();
  #changed: (() => void)[] = [];
  #died: string | null = null;

  constructor(role: Role, children: Children) {
    this.role = role;
    this.name = role.part === 'relay' ? 'the relay' : `machine ${role.index + 1}`;
    this.#child = children.start(process.execPath, [ownModule('lab/clocks/part-process')], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: FromPart) => {
      this.#said.set(message.type, message);
      this.#wake();
    });
    void children.exitOf(this.#child).then(({ code, signal }) => {
      this.#died ??= signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`;
      this.#wake();
    });
    // The channel closes with the process, whose exit tells more.
    this.#child.on('error', () => undefined);
    this.tell({ type: 'be', role });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended; null while it lives, and when it ended as it was told to. */
  get died(): string | null {
    return this.#said.has('ended') ? null : this.#died;
  }

  tell(message: ToPart): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Null: it died, or said nothing of the kind in this time and was killed. */
  async hear<Type extends FromPart['type']>(type: Type, withinMs: number): Promise<Heard<Type> | null> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const message = this.#said.get(type);
      if (message !== undefined) return message as Heard<Type>;
      const failed = this.#said.get('failed') as Heard<'failed'> | undefined;
      if (failed !== undefined)
        throw new LogError('checkFailed', `Cannot run ${this.name}: ${failed.reason}`, { next: 'No trial was made.' });
      if (this.#died !== null) return null;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) {
        this.#died = 'did nothing any more and was killed';
        this.#child.kill('SIGKILL');
        return null;
      }
      await this.#change(leftMs);
    }
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#changed.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const changed of this.#changed.splice(0)) changed();
  }
}
