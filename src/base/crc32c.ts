/**
 * Arithmetic on CRC-32C checksums (Castagnoli, reflected, as `Bytes.crc32c` gives them), so that bytes which one checksum covers already are not read again
 * for another: of two parts and their whole, any two checksums and the length of the second part give the third.
 *
 * A checksum is a polynomial over GF(2) modulo the generator; n bytes behind it multiply it by x^(8n). Inversion and final complement of CRC-32C cancel out
 * (as in zlib's `crc32_combine`). Some 40 steps of 32 shifts at most: less than a microsecond, whatever the length.
 */
const generator = 0x82f6_3b78;

/** a * b modulo the generator; bit 31 is x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  // Masks in place of branches, which no processor could guess.
  for (let rest = a; rest !== 0; rest <<= 1) {
    product ^= shifted & (rest >> 31);
    shifted = (shifted >>> 1) ^ (generator & -(shifted & 1));
  }
  return product;
}

/** x^(8 * 2^i). */
const powers = new Int32Array(32);
{
  let power = 0x0080_0000; // x^8
  for (let i = 0; i < powers.length; i++) {
    powers[i] = power;
    power = multiply(power, power);
  }
}

function shift(checksum: number, bytes: number): number {
  let shifted = checksum | 0;
  for (let i = 0, left = bytes; left > 0; i++, left >>>= 1) if ((left & 1) !== 0) shifted = multiply(powers[i] as number, shifted);
  return shifted;
}

/** Checksum of a first part and a second one behind it, from theirs. */
export function joinCrc32c(first: number, second: number, secondBytes: number): number {
  return (shift(first, secondBytes) ^ second) >>> 0;
}

/** Checksum of the second of two parts, from that of both together and that of the first. */
export function crc32cBehind(first: number, both: number, secondBytes: number): number {
  return (shift(first, secondBytes) ^ both) >>> 0;
}
