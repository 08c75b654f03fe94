import { describe, expect, test } from 'vitest';
import { attribute, stageOf } from '../../../bench/profile/stages.ts';

const frame = (url: string, functionName = 'f') => ({ functionName, url });
const src = (file: string, functionName = 'f') => frame(`file:///somewhere/cairn/src/${file}`, functionName);

describe('the stages of an append', () => {
  test.each([
    ['HTTP parse', [frame('node:_http_incoming')]],
    ['HTTP parse', [frame('node:net'), src('gateway/http/body.ts'), frame('node:_http_server')]],
    ['answer', [frame('', 'writev'), frame('node:net'), frame('node:_http_outgoing'), src('gateway/http/api/records/append-route.ts')]],
    ['queue', [src('broker/edge/append-queue.ts'), src('broker/loop.ts')]],
    ['step', [frame('', 'set'), src('raft/raft.ts'), src('broker/replica/replica.ts')]],
    ['encode', [src('record/record-batch.ts'), src('broker/edge/append-queue.ts')]],
    ['write', [frame('', 'writeBuffers'), frame('node:fs'), src('system/disk.ts', 'write'), src('storage/group-log.ts')]],
    ['fsync', [frame('node:fs', 'fdatasync'), src('system/disk.ts', 'sync')]],
    ['wire', [frame('', 'writev'), frame('node:net'), src('system/network.ts')]],
    ['wire', [frame('node:internal/stream_base_commons', 'onStreamRead')]],
    ['apply', [src('broker/replica/tail.ts'), src('broker/replica/replica.ts')]],
    ['garbage collection', [frame('', '(garbage collector)'), src('raft/raft.ts')]],
    ['event loop', [frame('', '(program)')]],
  ] as const)('%s', (stage, stack) => {
    expect(stageOf(stack)).toBe(stage);
  });

  test('time goes to the sample before it, and sleep to nobody', () => {
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('', '(root)'), children: [2, 3, 4] },
        { id: 2, callFrame: frame('', '(idle)') },
        { id: 3, callFrame: src('raft/raft.ts') },
        { id: 4, callFrame: src('broker/loop.ts'), children: [5] },
        { id: 5, callFrame: frame('', 'get') },
      ],
      samples: [3, 2, 5, 3],
      timeDeltas: [0, 10, 100, 1000],
    };

    expect([...attribute(profile)]).toEqual([['step', 1010]]);
  });
});
