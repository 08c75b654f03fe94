/** Why a certificate was not accepted, by the code that Node gives for it: what is said of "its certificate". */
const refusals: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by somebody who is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by somebody who is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by somebody who is not known',
};

/** As a sentence's end, or null where the code is of something else. */
export function certificateRefusal(code: string): string | null {
  const words = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
  return words === undefined ? null : `its certificate ${words}`;
}
