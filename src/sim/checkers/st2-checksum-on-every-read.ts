// ST2 checksum on every read
import type { Bytes } from '../../host/index.ts';
import { batchChecksumMatches } from '../../record/index.ts';
import { Findings } from './verdict.ts';

/** Whatever a broker shows has the bytes that were written: each batch that leaves it bears its own checksum, whatever happened to the disk. */
export class ChecksumOnEveryRead {
  readonly findings = new Findings('ST2');
  readonly #bytes: Bytes;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  read(topic: string, broker: number, batches: readonly Uint8Array[]): void {
    for (const batch of batches) {
      this.findings.checked++;
      if (!batchChecksumMatches(batch, this.#bytes)) {
        this.findings.violate(`a read of "${topic}" at broker ${broker} gave a batch whose checksum is wrong`);
      }
    }
  }
}
