/** The thread that parses large records, for `large-records.ts`. What it is given has been looked at: it is bounded in depth and keys. */
import { isUtf8 } from 'node:buffer';
import { parentPort } from 'node:worker_threads';
import { LogError } from '../../eventlog/log-error.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import { asLogError } from './error-answer.ts';
import { sayProblem } from './json-bounds.ts';
import type { DeliveryTimes } from './delivery-times.ts';
import type { DecodedRecord, FromThread, ToThread } from './large-records.ts';
import { RecordJson } from './record-json.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs in a thread of its own');

port.on('message', (order: ToThread) => {
  const { id } = order;
  try {
    const decoded = decode(order);
    port.postMessage({ id, ...decoded } satisfies FromThread, [decoded.batch.buffer]);
  } catch (thrown) {
    const { code, message } = asLogError(thrown);
    port.postMessage({ id, code, message } satisfies FromThread);
  }
});

function decode({ json, what, topic, nowMs }: ToThread): DecodedRecord {
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot append to topic "${topic}": ${reason}`);
  if (!isUtf8(json)) throw refuse(`${what} is not UTF-8`);
  let record: unknown;
  try {
    record = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch {
    throw refuse(sayProblem('notJson', what));
  }
  const builder = new RecordBatchBuilder({ capacityBytes: json.length });
  const deliveryTimes: DeliveryTimes = new Map();
  new RecordJson(builder, nowMs, (_code, reason) => refuse(reason), deliveryTimes).add(record, what);
  return { batch: builder.finishUnsealed().slice(), deliverAtMs: deliveryTimes.get(0) ?? null };
}
