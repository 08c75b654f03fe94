import type { ServerResponse } from 'node:http';

export interface Cancel {
  cancelled: boolean;
  onCancel: (() => void) | null;
}

/** Cancels when the client goes away. */
export function cancelOnClose(response: ServerResponse): Cancel {
  const cancel: Cancel = { cancelled: false, onCancel: null };
  response.on('close', () => {
    cancel.cancelled = true;
    cancel.onCancel?.();
  });
  return cancel;
}
