import { expect, test } from 'vitest';
import type { BrokerOptions } from '../../../src/broker/index.ts';
import type { DiskFile, Link } from '../../../src/host/index.ts';
import { leaveRoom } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { batchOf, Rig } from './rig.ts';

interface Held {
  readonly what: string;
  readonly chunks: readonly Uint8Array[];
  readonly checksums: readonly number[];
}

/** Remembers the bytes that brokers hand to links and files. */
class Holder {
  readonly #onLinks: Held[] = [];
  readonly #written: string[] = [];
  count = 0;

  /** A link keeps what it was given for as long as its other end reads slowly: nothing that was sent may ever change. A file keeps it until it is written. */
  readonly watch = (options: BrokerOptions): BrokerOptions => {
    const { network, disk } = options.host;
    const from = `broker ${options.self.id}`;
    const watched = (link: Link, to: string): Link => ({
      send: (chunks) => {
        this.#onLinks.push(this.#held(`${from} to ${to}`, chunks));
        link.send(chunks);
      },
      get bytesQueued() {
        return link.bytesQueued;
      },
      close: (reason) => link.close(reason),
    });
    const watchedFile = (file: DiskFile): DiskFile =>
      new Proxy(file, {
        get: (target, name) => {
          if (name !== 'write') {
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return (position: number, chunks: readonly Uint8Array[], done: Parameters<DiskFile['write']>[2]): void => {
            const held = this.#held(`${from} in ${target.path}`, chunks);
            target.write(position, chunks, (result) => {
              this.#written.push(...changed(held));
              done(result);
            });
          };
        },
      });
    const host = {
      ...options.host,
      network: {
        dial: (
          peer: Parameters<typeof network.dial>[0],
          lane: Parameters<typeof network.dial>[1],
          handlers: Parameters<typeof network.dial>[2],
        ) => watched(network.dial(peer, lane, handlers), `broker ${peer}`),
        accept: (onLink: Parameters<typeof network.accept>[0]) => network.accept((link) => onLink(watched(link, 'whoever dialled'))),
      },
      disk: new Proxy(disk, {
        get: (target, name) => {
          if (name === 'open') {
            return ((path, mode, done) =>
              target.open(path, mode, (result) =>
                done(result.ok ? { ok: true, value: watchedFile(result.value) } : result),
              )) as typeof disk.open;
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    };
    return { ...options, host };
  };

  get changes(): string[] {
    return [...this.#written, ...this.#onLinks.flatMap(changed)];
  }

  #held(what: string, chunks: readonly Uint8Array[]): Held {
    this.count++;
    return { what, chunks: [...chunks], checksums: chunks.map((chunk) => simBytes.crc32c(chunk)) };
  }
}

const changed = ({ what, chunks, checksums }: Held): string[] =>
  chunks.flatMap((chunk, index) => (simBytes.crc32c(chunk) === checksums[index] ? [] : [`${what}: ${chunk.length} bytes changed`]));

/** As the HTTP gateway gives it: in one piece, with room for a frame's header in front. */
function roomyBatch(values: readonly string[]): Uint8Array {
  const batch = batchOf(values);
  const roomy = leaveRoom(new Uint8Array(48 + batch.length));
  roomy.set(batch);
  return roomy;
}

test('a large batch that waits in a link to an earlier leader is not written to when it is framed here', () => {
  const holder = new Holder();
  const rig = new Rig({ logOnly: true, change: holder.watch });
  rig.makeLeader(1);
  // Broker 2 lacks a record: only 3 can follow 1.
  rig.isolate(2);
  rig.appended(1, ['first']);
  rig.cluster.world.network.block(3, 1);
  const call = rig.beginAppend(3, ['the batch'], { batch: roomyBatch(['x'.repeat(100_000)]) });
  rig.run(50);
  rig.kill(1);
  rig.heal();
  rig.until('it is appended', () => call.outcome !== null);

  expect(call.outcome).toMatchObject({ ok: true, value: { ackedBy: [2, 3] } });
  expect(rig.leader()).toBe(3);
  expect(holder.count).toBeGreaterThan(100);
  expect(holder.changes).toEqual([]);
});
