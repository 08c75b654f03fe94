/** Records of a topic: appended, read, followed. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.ts';
import { addAppendRoute } from './append-route.ts';
import { addReadRoute } from './read-route.ts';

export { cancelOnClose } from './cancel-on-close.ts';
export { RecordEncoder } from './encode-records.ts';
export { formats } from './read-order.ts';
export { RecordInput, RecordsBody } from './record-schema.ts';
export { encodedSlices } from './write-answer.ts';

export function addRecordRoutes(app: FastifyInstance, context: ApiContext): void {
  addAppendRoute(app, context);
  addReadRoute(app, context);
}
