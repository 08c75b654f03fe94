import { LogError } from '../eventlog/log-error.ts';

/** The brokers that a client knows, and which of them it talks to: it stays with one until that one fails. */
export class Servers {
  #origins: string[];
  #current = 0;

  constructor(origins: readonly string[]) {
    this.#origins = [...new Set(origins)];
  }

  get current(): string {
    return this.#origins[this.#current] as string;
  }

  get all(): readonly string[] {
    return this.#origins;
  }

  /** Turns away from a broker that failed; a no-op when another request has already done so. */
  leave(origin: string): void {
    if (this.current === origin) this.#current = (this.#current + 1) % this.#origins.length;
  }

  /** Turns to that broker first, whoever named it. */
  prefer(origin: string): void {
    this.learn([origin]);
    this.#current = this.#origins.indexOf(origin);
  }

  /** Brokers that another broker named; they come after those that the user gave. */
  learn(origins: readonly string[]): void {
    for (const origin of origins) if (!this.#origins.includes(origin)) this.#origins.push(origin);
  }
}

/** `http://host:port` of what a user typed: a URL, or host:port. */
export function parseServer(text: string): string {
  const refuse = (why: string): LogError => new LogError('usage', `Cannot use "${text}" as a server: ${why}`);
  const whole = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  // Not `URL.parse`: a program that uses the library may run on Node 20.
  const url = URL.canParse(whole) ? new URL(whole) : null;
  if (url === null || url.hostname === '') throw refuse('it is not a URL such as http://127.0.0.1:8000');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('only http and https are spoken');
  if (url.username !== '' || url.password !== '') throw refuse('a name and password do not belong here, see --token-file');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw refuse('it has a path, only scheme, host and port are used');
  return url.origin;
}
