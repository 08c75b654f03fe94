/** Whether chunks that were handed over still hold the bytes that were copied from them then. */
export function holds(copied: Uint8Array, chunks: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++) if (chunk[i] !== copied[at + i]) return false;
    at += chunk.length;
  }
  return at === copied.length;
}
