/** The outcome of a call that may fail in an expected way. Pure code returns it; host calls hand it to their callback. */
export type Result<Value, Failure> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: Failure };

export const ok = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({ ok: true, value });
export const failed = <Failure>(error: Failure): { readonly ok: false; readonly error: Failure } => ({ ok: false, error });
export const done: { readonly ok: true; readonly value: undefined } = ok(undefined);
