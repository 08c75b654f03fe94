/**
 * One line for each thing that went wrong, to stderr or a broker's log. Ten thousand hostile connections must not become ten thousand lines: of one
 * kind at most `linesPerWindow` are told in a window, then how many more there were.
 */
export interface Diagnostics {
  tell(kind: DiagnosticKind, sentence: string): void;
}

export type DiagnosticKind = 'badName' | 'cut' | 'full' | 'noAcknowledgement' | 'connection' | 'session' | 'unstored' | 'topic' | 'stored';

const linesPerWindow = 20;
const windowMs = 10_000;

interface Window {
  sinceMs: number;
  told: number;
  kept: number;
}

export class LimitedDiagnostics implements Diagnostics {
  readonly #write: (kind: DiagnosticKind, sentence: string) => void;
  readonly #nowMs: () => number;
  readonly #windows = new Map<DiagnosticKind, Window>();

  constructor(write: (kind: DiagnosticKind, sentence: string) => void, nowMs: () => number) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  tell(kind: DiagnosticKind, sentence: string): void {
    const nowMs = this.#nowMs();
    let window = this.#windows.get(kind);
    if (window === undefined || nowMs - window.sinceMs >= windowMs) {
      this.#summarise(kind, window);
      window = { sinceMs: nowMs, told: 0, kept: 0 };
      this.#windows.set(kind, window);
    }
    if (window.told < linesPerWindow) {
      window.told++;
      this.#write(kind, sentence);
    } else {
      window.kept++;
    }
  }

  /** Tells what was kept back; called now and then, and at the end. */
  flush(isEnd = false): void {
    for (const [kind, window] of this.#windows) {
      if (!isEnd && this.#nowMs() - window.sinceMs < windowMs) continue;
      this.#summarise(kind, window);
      this.#windows.delete(kind);
    }
  }

  #summarise(kind: DiagnosticKind, window: Window | undefined): void {
    if (window !== undefined && window.kept > 0) this.#write(kind, `${window.kept} more such lines in ${windowMs / 1000} s were left out`);
  }
}
