/** Whatever a program passes: the answer is a LogError, or what was asked for, and never an assertion. Nothing listens where the client asks. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { CairnClient, LogError } from '../../../src/library/index.ts';

const client = new CairnClient({ servers: ['http://127.0.0.1:1'], timeoutMs: 1 });
afterAll(() => client.close());

const absurd = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true }),
  fc.constantFrom<unknown>(
    null,
    Number.NaN,
    -1,
    0,
    0.5,
    -0,
    2 ** 53,
    2 ** 31,
    Number.POSITIVE_INFINITY,
    '',
    '.',
    '..',
    'log',
    '\ud800',
    'a\nb',
    'v1.',
    'v1.zz.-',
    10n,
    Symbol('s'),
    () => 1,
    new Date(Number.NaN),
    AbortSignal.abort(),
    new Uint8Array(3),
    [],
    [[]],
    // Of a length that no memory has.
    new Array(2 ** 32 - 1),
    Object.create(null),
  ),
);

/** Options with names that there are, and some that there are not, with absurd values. */
const names = [
  'signal',
  'partition',
  'from',
  'since',
  'last',
  'max',
  'freshness',
  'level',
  'requestId',
  'expectedOffset',
  'timeoutMs',
  'deliverAt',
  'topic',
  'partitions',
  'retentionBytes',
  'replicas',
  'placement',
  'prefix',
  'withinMs',
  'bufferBytes',
  'onProblem',
  'worker',
  'sessionMs',
  'dialect',
  'where',
  'before',
  '__proto__',
  'other',
];
const options = fc.oneof(absurd, fc.dictionary(fc.constantFrom(...names), absurd, { maxKeys: 3 }));
const record = fc.oneof(absurd, fc.dictionary(fc.constantFrom('key', 'value', 'headers', 'timestamp', 'other'), absurd, { maxKeys: 4 }));
const topic = fc.oneof({ weight: 3, arbitrary: fc.constant<unknown>('log') }, { weight: 1, arbitrary: absurd });

type Call = (target: never, ...given: never[]) => unknown;

const calls: Readonly<Record<string, readonly [Call, ...fc.Arbitrary<unknown>[]]>> = {
  append: [
    (...given: never[]) => client.append(...(given as unknown as Parameters<CairnClient['append']>)),
    topic,
    fc.oneof(record, fc.array(record)),
    options,
  ],
  read: [(...given: never[]) => client.read(...(given as unknown as Parameters<CairnClient['read']>)), topic, options],
  follow: [(...given: never[]) => client.follow(...(given as unknown as Parameters<CairnClient['follow']>)), topic, options],
  producer: [
    async (name: never, given: never, value: never) => {
      const producer = client.producer(name, given);
      await producer.append(value);
      await producer.close();
    },
    topic,
    options,
    record,
  ],
  subscribe: [
    (id: never, names: never, handler: never, given: never) => client.subscribe(id, names, handler, given).done,
    absurd,
    fc.oneof(topic, fc.array(topic)),
    absurd,
    options,
  ],
  grep: [(name: never, pattern: never, given: never) => client.grep(name, pattern, given), topic, absurd, options],
  scheduled: [(given: never) => client.scheduled(given), options],
  cancelScheduled: [(id: never, given: never) => client.cancelScheduled(id, given), absurd, options],
  status: [(given: never) => client.status(given), options],
  brokers: [(given: never) => client.brokers(given), options],
  history: [(given: never) => client.history(given), options],
  'topics.create': [(name: never, given: never) => client.topics.create(name, given), topic, options],
  'topics.alter': [(name: never, given: never) => client.topics.alter(name, given), topic, options],
  'topics.delete': [(name: never, given: never) => client.topics.delete(name, given), topic, options],
  'topics.describe': [(name: never, given: never) => client.topics.describe(name, given), topic, options],
  'topics.list': [(given: never) => client.topics.list(given), options],
  'topics.ends': [(name: never, given: never) => client.topics.ends(name, given), topic, options],
  'topics.explain': [(name: never, given: never) => client.topics.explain(name, given), topic, options],
  'new CairnClient': [
    (given: never) => void new CairnClient(given),
    fc.oneof(absurd, fc.dictionary(fc.constantFrom('servers', 'token', 'ca', 'timeoutMs'), absurd)),
  ],
};

/** The message of the refusal; '' where it is done. */
async function refusalOf(call: Call, given: readonly unknown[]): Promise<string> {
  try {
    const result = await (call as (...all: readonly unknown[]) => unknown)(...given);
    if (typeof result === 'object' && result !== null && 'next' in result) await (result as AsyncIterator<unknown>).next();
    return '';
  } catch (error) {
    if (error instanceof LogError) return error.message;
    throw error;
  }
}

describe('whatever is passed is answered with a LogError, or done:', () => {
  test.each(Object.entries(calls))('%s', async (_name, [call, ...arbitraries]) => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(...arbitraries), async (given) => {
        expect(await refusalOf(call, given)).not.toMatch(/\n|\.$/);
      }),
      { numRuns: 200 },
    );
  });

  test('every method is asked', () => {
    const methods = [CairnClient.prototype, Object.getPrototypeOf(client.topics) as object]
      .flatMap((prototype, index) => Object.getOwnPropertyNames(prototype).map((name) => (index === 0 ? name : `topics.${name}`)))
      .filter((name) => !name.endsWith('constructor') && name !== 'close');

    expect(methods.toSorted()).toEqual(
      Object.keys(calls)
        .filter((name) => name !== 'new CairnClient')
        .toSorted(),
    );
  });
});
