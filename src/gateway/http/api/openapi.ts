/** What the generated OpenAPI document cannot know by itself: the routes of `front.ts`, and the bodies and answers that are not JSON. */
import Type from 'typebox';
import { recordTypes } from '../decode-records.ts';
import { RecordInput, RecordsBody } from './records/index.ts';
import { ErrorAnswer } from './schema-parts.ts';

const binary = { type: 'string', format: 'binary' };
const text = { type: 'string' };
const errorAnswer = { description: 'An error', content: { 'application/json': { schema: ErrorAnswer } } };
const plain = (description: string) => ({ description, content: { 'text/plain': { schema: text } } });
const crashedAnswer = {
  description: 'Done',
  content: { 'application/json': { schema: Type.Object({ crashed: Type.Boolean() }) } },
};

/** Served by the front door itself. */
const frontRoutes = {
  '/': {
    put: {
      summary: 'Append the body as one record of the topic `log`; not answered at all unless it is committed',
      requestBody: { content: { '*/*': { schema: binary } } },
      responses: { 200: { description: 'Committed on a majority' } },
    },
  },
  '/crash': { post: { summary: 'Act as crashed until /recover', responses: { 200: crashedAnswer, 403: errorAnswer } } },
  '/recover': { post: { summary: 'End the acted crash', responses: { 200: crashedAnswer, 403: errorAnswer } } },
  '/exit': { post: { summary: 'Write the log file and end the process', responses: { 200: { description: 'Done' }, 403: errorAnswer } } },
  '/healthz': { get: { summary: 'The process answers', responses: { 200: plain('It does') } } },
  '/readyz': {
    get: { summary: 'The logs are open and `log` has a leader', responses: { 200: plain('Ready'), 503: plain('Not ready') } },
  },
} as const;

type Document = { paths?: Record<string, Record<string, unknown>> };

/** Adds to the document that @fastify/swagger made. */
export function completeDocument(document: Document): Document {
  const paths: Record<string, Record<string, unknown>> = { ...document.paths };
  for (const [path, operations] of Object.entries(frontRoutes)) paths[path] = { ...paths[path], ...operations };

  const records = paths['/v1/topics/{topic}/records'];
  const append = records?.['post'] as Record<string, unknown> | undefined;
  if (append !== undefined) {
    const schemas: Record<string, unknown> = { 'application/json': RecordsBody, 'application/x-ndjson': RecordInput };
    const content = Object.fromEntries(
      recordTypes.map((type) => [type, { schema: schemas[type] ?? (type === 'text/plain' ? text : binary) }]),
    );
    append['requestBody'] = { required: true, content };
  }
  const read = records?.['get'] as { responses?: Record<string, { content?: Record<string, unknown> }> } | undefined;
  const readAnswer = read?.responses?.['200'];
  if (readAnswer !== undefined) {
    readAnswer.content = {
      ...readAnswer.content,
      'application/x-ndjson': { schema: text },
      'text/plain': { schema: text },
      'application/vnd.cairn.batches': { schema: binary },
      'text/event-stream': { schema: text },
    };
  }
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations) as { responses?: Record<string, unknown> }[]) {
      operation.responses = { default: errorAnswer, ...operation.responses };
    }
  }
  return { ...document, paths };
}
