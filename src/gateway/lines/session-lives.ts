/** Sessions of which the lives are remembered, and lives of each. */
const sessionsMax = 10_000;
const livesMax = 8;

/**
 * Which life of an agent has a session: a spool has one agent at a time, so a life that comes back after another one has taken the session is another agent
 * with a copy of the spool, and would count its events under the same numbers. Lives that a kill ended do not come back.
 */
export class SessionLives {
  /** Of each session, the life that has it last; those that had it before. In the order in which they were used. */
  readonly #lives = new Map<string, readonly number[]>();

  /** False when that life had the session before another one. */
  take(session: string, life: number): boolean {
    const lives = this.#lives.get(session) ?? [];
    if (lives.indexOf(life) > 0) return false;
    this.#lives.delete(session);
    this.#lives.set(session, lives[0] === life ? lives : [life, ...lives].slice(0, livesMax));
    const [oldest] = this.#lives.keys();
    if (this.#lives.size > sessionsMax && oldest !== undefined) this.#lives.delete(oldest);
    return true;
  }
}
