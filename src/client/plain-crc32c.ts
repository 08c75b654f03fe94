/**
 * CRC-32C in JavaScript alone, by eight tables (M. Kounavis, F. Berry: *A Systematic Approach to Building High Performance Software-based CRC Generators*,
 * 2005): the package of the client has no native parts, and takes this in place of `@node-rs/crc32` (scripts/build-packages.mjs). The program has the native one.
 */
const generator = 0x82f6_3b78;

/** Eight of 256: what a byte becomes with none to seven bytes behind it. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let checksum = byte;
    for (let bit = 0; bit < 8; bit++) checksum = (checksum >>> 1) ^ (generator & -(checksum & 1));
    made[byte] = checksum;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] as number;
    made[at] = (before >>> 8) ^ (made[before & 0xff] as number);
  }
  return made;
}

/** @param seed the checksum of what stands before */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const t = tables;
  let checksum = ~seed;
  let at = 0;
  for (const whole = bytes.length - 7; at < whole; at += 8) {
    const low =
      checksum ^
      ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24));
    checksum =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) checksum = (checksum >>> 8) ^ (t[(checksum ^ (bytes[at] as number)) & 0xff] as number);
  return ~checksum >>> 0;
}
