/**
 * Whose work a sample of a CPU profile is, by the file of its function: the nearest frame of ours above it counts, so that what Node does for
 * `gateway/` is the gateway's.
 */
export const stages = [
  'HTTP parse',
  'queue',
  'step',
  'encode',
  'write',
  'fsync',
  'wire',
  'apply',
  'answer',
  'garbage collection',
  'event loop',
  'the load itself',
  'elsewhere',
] as const;
export type Stage = (typeof stages)[number];

/** For readers of the table. */
export const stageHelp: Readonly<Record<Stage, string>> = {
  'HTTP parse': "Node's parser, guards, routing, reading the body",
  queue: 'admission, the queue of the partition, packing, duplicates, order',
  step: "the broker's turn and the consensus core",
  encode: 'record batches and frame headers, checksums',
  write: 'handing groups to the page cache, storage bookkeeping',
  fsync: 'asking for a sync and taking its end; the waiting itself is not processor time',
  wire: 'frames to and from the other brokers, their sockets',
  apply: 'high watermark, derived state, readers that wait',
  answer: 'making and sending the response',
  'garbage collection': '',
  'event loop': 'Node and the kernel outside of any function: polling, socket reads',
  'the load itself': 'only where it runs inside the broker',
  elsewhere: 'everything else',
};

export interface Frame {
  readonly functionName: string;
  readonly url: string;
}

interface Rule {
  readonly stage: Stage;
  readonly file: RegExp;
  readonly function?: RegExp;
}

/** The first that fits a frame of ours. */
const ownRules: readonly Rule[] = [
  // The driver stands between the disk and Node to look at the clock.
  { stage: 'fsync', file: /\/bench\/inside\//, function: /^(timedSync|timedEnd)$/ },
  { stage: 'fsync', file: /\/src\/system\/disk/, function: /^(sync|finish)/ },
  { stage: 'write', file: /\/src\/(storage|system\/disk)/ },
  {
    stage: 'answer',
    file: /\/src\/gateway\/http\/error-answer|\/fastify\/lib\/(reply|wrap-thenable|hooks-on-send)|\/src\/gateway\/http\/.*answer/,
  },
  { stage: 'answer', file: /\/src\/gateway\//, function: /answer|send|respond|reply/i },
  {
    stage: 'encode',
    file: /\/src\/(record|wire)\/|\/src\/gateway\/http\/(api\/)?(decode|encode)|\/src\/(base\/(varint|bytes)|system\/bytes)|@node-rs\/crc32/,
  },
  {
    stage: 'HTTP parse',
    file: /\/src\/gateway\/|\/node_modules\/(fastify|find-my-way|@fastify|typebox|fast-querystring|avvio|secure-json-parse)/,
  },
  { stage: 'wire', file: /\/src\/system\/network|\/src\/broker\/(peers\/|replica\/received-frames|edge\/peer-service)/ },
  {
    stage: 'queue',
    file: /\/src\/broker\/(edge\/(append|requests)|replica\/(leader-appends|producers)|catalog\/topics|calls|services)|\/src\/eventlog\//,
  },
  { stage: 'apply', file: /\/src\/broker\/(replica\/(tail|terms|status|state-machine)|edge\/(reads|barriers|revokes)|catalog\/|events)/ },
  { stage: 'step', file: /\/src\/(raft|broker|base|host|system)\// },
  { stage: 'the load itself', file: /\/bench\/inside\/|\/src\/lab\// },
];

/** Node's own frames without one of ours above them, and those that say more than the frame above. */
const nodeRules: readonly Rule[] = [
  { stage: 'answer', file: /^node:_http_outgoing/ },
  { stage: 'HTTP parse', file: /^node:(_http_|internal\/http)/ },
];
/** A connection of a peer is read by JavaScript; those of HTTP are read by Node's parser. */
const restRules: readonly Rule[] = [{ stage: 'wire', file: /^node:(net|internal\/stream|internal\/streams|stream)/ }];

/** `stack` begins with the function that was running. */
export function stageOf(stack: readonly Frame[]): Stage {
  const leaf = stack[0];
  if (leaf === undefined) return 'elsewhere';
  if (leaf.functionName === '(garbage collector)') return 'garbage collection';
  if (leaf.functionName === '(program)') return 'event loop';
  for (const frame of stack) {
    const stage = firstOf(nodeRules, frame) ?? firstOf(ownRules, frame);
    if (stage !== null) return stage;
  }
  for (const frame of stack) {
    const stage = firstOf(restRules, frame);
    if (stage !== null) return stage;
  }
  return leaf.url.startsWith('node:') || leaf.url === '' ? 'event loop' : 'elsewhere';
}

const firstOf = (rules: readonly Rule[], { url, functionName }: Frame): Stage | null =>
  rules.find((rule) => rule.file.test(url) && (rule.function?.test(functionName) ?? true))?.stage ?? null;

/** As the inspector gives it. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] | undefined }[];
  readonly samples?: readonly number[] | undefined;
  /** Microseconds from the sample before. */
  readonly timeDeltas?: readonly number[] | undefined;
}

/** Microseconds of the main thread by stage; what it slept is left out. */
export function attribute(profile: CpuProfile): ReadonlyMap<Stage, number> {
  const parents = new Map<number, number>();
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const stackOf = (id: number): Frame[] => {
    const stack: Frame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) stack.push(frames.get(at) as Frame);
    return stack;
  };
  const stageByNode = new Map<number, Stage | null>();
  const sums = new Map<Stage, number>();
  const { samples = [], timeDeltas = [] } = profile;
  samples.forEach((id, index) => {
    let stage = stageByNode.get(id);
    if (stage === undefined) {
      stage = frames.get(id)?.functionName === '(idle)' ? null : stageOf(stackOf(id));
      stageByNode.set(id, stage);
    }
    // A sample stands for the time until the next one.
    if (stage !== null) sums.set(stage, (sums.get(stage) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  });
  return sums;
}
