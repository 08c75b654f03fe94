/**
 * Lamport's clock (1978): one number for each process, before whose first event it is 0. If e happened before f, then C(e) < C(f). The reverse does not
 * hold: of two events that know nothing of each other either may have the lesser number.
 */
export const lamportStart = 0;

/** Of an event of the process itself, sending too: a message carries the clock after it, whoever many it goes to. */
export const advanceLamport = (own: number): number => own + 1;

/** Of receiving a message that carries the sender's clock. */
export const receiveLamport = (own: number, carried: number): number => Math.max(own, carried) + 1;
