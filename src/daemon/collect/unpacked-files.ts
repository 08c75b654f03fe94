import { Readable, pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { failed, ok, type Result } from '../../base/result.ts';
import type { Disk, DiskError, DiskFile, FileStatus } from '../../host/index.ts';
import { isRotationOf } from '../../tail/index.ts';

type Files = Pick<Disk, 'list' | 'open' | 'status'>;
type Done<Value> = (result: Result<Value, DiskError>) => void;

const formats = [
  { suffix: '.gz', unpack: () => createGunzip() },
  { suffix: '.zst', unpack: () => createZstdDecompress() },
] as const;
/** Of a file that was not read to its end yet nobody knows how long it is. */
const unknownSize = Number.MAX_SAFE_INTEGER;
const readBytes = 64 * 1024;
/** What a follower comes back to: by its first bytes it knows a file. */
const headBytesMax = 4 * 1024;
/** Lengths that are remembered, so that a file is not unpacked again to learn that nothing has come to it. */
const sizesMax = 4_096;

/**
 * The files of a folder with those that rotation has compressed as they were before: `app.log.2.gz` is seen as `app.log.2`, unless that is there too. So they
 * are files like all others to whoever follows `app.log`. They are unpacked as they are read, a piece at a time.
 */
export class UnpackedFiles implements Files {
  readonly #files: Files;
  readonly #base: string;
  readonly #tellDamaged: (name: string, bytes: number, reason: string) => void;
  readonly #sizes = new Map<string, number>();

  /** `base` is the name of the file that is followed. `tellDamaged`: so much of one could be read, and the rest is lost; once for each time that it is read. */
  constructor(files: Files, base: string, tellDamaged: (name: string, bytes: number, reason: string) => void) {
    this.#files = files;
    this.#base = base;
    this.#tellDamaged = tellDamaged;
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.#files.list(path, (result) =>
      done(result.ok ? ok([...new Set(result.value.map((name) => this.#plainNameOf(name) ?? name))].sort()) : result),
    );
  }

  status(path: string, done: Done<FileStatus>): void {
    this.#firstThere<FileStatus>(
      path,
      (name, next) => this.#files.status(name, next),
      (result, packed) => done(result.ok && packed !== null ? ok(this.#unpackedStatus(result.value)) : result),
    );
  }

  open(path: string, mode: 'read', done: Done<DiskFile>): void {
    this.#firstThere<DiskFile>(
      path,
      (name, next) => this.#files.open(name, mode, next),
      (result, packed) => {
        if (!result.ok || packed === null) return done(result);
        const file = result.value;
        file.status((status) => {
          if (!status.ok) return file.close(() => done(status));
          const key = keyOf(status.value);
          done(
            ok(
              new UnpackedFile(file, path, packed.unpack, this.#sizes.get(key) ?? null, {
                ended: (size) => this.#remember(key, size),
                damaged: (size, reason) => this.#tellDamaged(path + packed.suffix, size, reason),
              }),
            ),
          );
        });
      },
    );
  }

  /** Asks for the name itself, and where that is not there for those that it may have packed. */
  #firstThere<Value>(
    path: string,
    ask: (name: string, next: Done<Value>) => void,
    done: (result: Result<Value, DiskError>, packed: (typeof formats)[number] | null) => void,
  ): void {
    ask(path, (result) => {
      if (result.ok || result.error.code !== 'notFound') return done(result, null);
      const attempt = (index: number): void => {
        const format = formats[index];
        if (format === undefined || this.#plainNameOf(path + format.suffix) === null) return done(result, null);
        ask(path + format.suffix, (other) => {
          if (!other.ok && other.error.code === 'notFound') attempt(index + 1);
          else done(other, format);
        });
      };
      attempt(0);
    });
  }

  #plainNameOf(name: string): string | null {
    const format = formats.find(({ suffix }) => name.endsWith(suffix));
    return format !== undefined && isRotationOf(name, this.#base) ? name.slice(0, -format.suffix.length) : null;
  }

  #unpackedStatus(status: FileStatus): FileStatus {
    return { ...status, size: this.#sizes.get(keyOf(status)) ?? unknownSize };
  }

  #remember(key: string, size: number): void {
    const [oldest] = this.#sizes.keys();
    if (this.#sizes.size >= sizesMax && oldest !== undefined) this.#sizes.delete(oldest);
    this.#sizes.set(key, size);
  }
}

const keyOf = ({ identity, size, modifiedMs }: FileStatus): string => `${identity} ${size} ${modifiedMs}`;

interface UnpackedEvents {
  ended(size: number): void;
  damaged(size: number, reason: string): void;
}

/** Bytes of a compressed file in any order, quick where that is forwards. One call at a time, as whoever follows a file makes them. */
class UnpackedFile implements DiskFile {
  readonly path: string;
  readonly #file: DiskFile;
  readonly #unpack: () => NodeJS.ReadWriteStream;
  readonly #events: UnpackedEvents;
  #head: Buffer = Buffer.alloc(0);
  /** What was unpacked last, up to `#to`. */
  #window: Buffer = Buffer.alloc(0);
  #to = 0;
  #chunks: AsyncIterator<Buffer> | null = null;
  #stream: NodeJS.ReadWriteStream | null = null;
  #size: number | null;
  #diskError: DiskError | null = null;

  constructor(file: DiskFile, path: string, unpack: () => NodeJS.ReadWriteStream, size: number | null, events: UnpackedEvents) {
    this.#file = file;
    this.path = path;
    this.#unpack = unpack;
    this.#size = size;
    this.#events = events;
  }

  get size(): number {
    return this.#size ?? unknownSize;
  }

  status(done: Done<FileStatus>): void {
    this.#file.status((result) => done(result.ok ? ok({ ...result.value, size: this.size }) : result));
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    void this.#read(position, length).then(
      (bytes) => done(ok(bytes)),
      (error: unknown) => {
        this.#restart();
        const failure = this.#diskError ?? { code: 'failed', operation: 'read', path: this.path, reason: (error as Error).message };
        this.#diskError = null;
        done(failed(failure));
      },
    );
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const end = position + length;
    if (end <= this.#head.length) return new Uint8Array(this.#head.subarray(position, end));
    if (position < this.#to - this.#window.length) this.#restart();
    // One byte more than is asked for: so it is known at its end that it is the end.
    while (this.#to <= end && this.#to < this.size) {
      const chunk = await this.#next();
      if (chunk === null) {
        if (this.#size === null) this.#events.ended(this.#to);
        this.#size = this.#to;
        break;
      }
      if (this.#head.length < headBytesMax) this.#head = joined(this.#head, chunk.subarray(0, headBytesMax - this.#head.length), this.#to);
      this.#to += chunk.length;
      const wanted = Math.max(0, Math.min(this.#window.length + chunk.length, this.#to - position));
      this.#window = Buffer.concat([this.#window, chunk]).subarray(this.#window.length + chunk.length - wanted);
    }
    const from = this.#to - this.#window.length;
    return new Uint8Array(this.#window.subarray(Math.max(0, position - from), Math.max(0, end - from)));
  }

  /** Null at the end, and where the rest is damaged. */
  async #next(): Promise<Buffer | null> {
    if (this.#chunks === null) {
      const stream = this.#unpack();
      this.#stream = stream;
      pipeline(Readable.from(this.#packed()), stream, () => undefined);
      this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    }
    try {
      const step = await this.#chunks.next();
      return step.done === true ? null : step.value;
    } catch (error) {
      if (this.#diskError !== null) throw error;
      this.#events.damaged(this.#to, (error as Error).message);
      return null;
    }
  }

  async *#packed(): AsyncGenerator<Uint8Array> {
    for (let position = 0; ; ) {
      const read = await new Promise<Result<Uint8Array, DiskError>>((done) => this.#file.read(position, readBytes, done));
      if (!read.ok) {
        this.#diskError = read.error;
        throw new Error(read.error.reason);
      }
      if (read.value.length === 0) return;
      position += read.value.length;
      yield read.value;
    }
  }

  #restart(): void {
    if (this.#stream !== null) (this.#stream as unknown as Readable).destroy();
    this.#stream = null;
    this.#chunks = null;
    this.#window = Buffer.alloc(0);
    this.#to = 0;
  }

  write(_position: number, _chunks: readonly Uint8Array[], done: Done<undefined>): void {
    done(failed(this.#readOnly('write')));
  }

  sync(done: Done<undefined>): void {
    done(failed(this.#readOnly('sync')));
  }

  truncate(_size: number, done: Done<undefined>): void {
    done(failed(this.#readOnly('truncate')));
  }

  close(done: Done<undefined>): void {
    this.#restart();
    this.#file.close(done);
  }

  #readOnly(operation: string): DiskError {
    return { code: 'denied', operation, path: this.path, reason: 'it is compressed' };
  }
}

/** Bytes that stand at `at`, behind the head if that ends there. */
const joined = (head: Buffer, chunk: Buffer, at: number): Buffer => (at === head.length ? Buffer.concat([head, chunk]) : head);
