/** The number that a line begins with is its time. */
export function timeOf(bytes: Uint8Array, from: number, to: number): number {
  const digits = /^\d+/.exec(Buffer.from(bytes.subarray(from, to)).toString('latin1'));
  return digits === null ? Number.NaN : Number(digits[0]);
}
