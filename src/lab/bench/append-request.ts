import { clientBytes } from '../../client/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import { type HttpRequest, makeRequest } from './http-load.ts';

/** How the records of a request are written. */
export type RequestForm = 'text' | 'json' | 'batches';

export interface AppendRequestOptions {
  readonly topic: string;
  readonly form: RequestForm;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
}

const contentTypes: Readonly<Record<RequestForm, string>> = {
  text: 'text/plain',
  json: 'application/json',
  batches: 'application/vnd.cairn.batches',
};

/** Without a request id: brokers may then pack what waits, as they do for everybody who does not ask for more. */
export function makeAppendRequest(url: string, { topic, form, recordBytes, recordsPerRequest }: AppendRequestOptions): HttpRequest {
  // The number of the request stands in its first record, unless a checksum covers it.
  const number = form === 'batches' ? '' : '############';
  const values = Array.from({ length: recordsPerRequest }, (_, index) => (index === 0 ? number : '').padEnd(recordBytes, '.'));
  return makeRequest(url, 'POST', `/v1/topics/${topic}/records`, { 'Content-Type': contentTypes[form] }, bodyOf(form, values));
}

function bodyOf(form: RequestForm, values: readonly string[]): Buffer {
  switch (form) {
    case 'text':
      return Buffer.from(values.join('\n'));
    case 'json':
      return Buffer.from(JSON.stringify(values.map((value) => ({ value }))));
    case 'batches':
      return makeBatch(values);
  }
}

export function makeBatch(values: readonly string[]): Buffer {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(Date.now(), null, Buffer.from(value));
  return Buffer.from(builder.finish(clientBytes));
}
