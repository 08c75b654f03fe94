/**
 * The process of one broker under `cairn up`. Its configuration comes as the first message of the channel that it was started with; what happens to
 * it goes back the same way.
 */
import { openLogger } from './logging.ts';
import { serve } from './serve.ts';
import type { ChildMessage, StartMessage } from './supervisor.ts';

process.once('message', (message: StartMessage) => void run(message));
// Without a supervisor there is nothing to do.
process.once('disconnect', () => process.exit());

async function run({ config, outlivesSupervisor }: StartMessage): Promise<void> {
  process.title = `cairn broker ${config.self.id}`;
  const logger = await openLogger(config.log.level, config.log.file, { broker: config.self.id });
  process.removeAllListeners('disconnect');
  await serve(config, logger, {
    supervised: true,
    outlivesSupervisor,
    onListening: () => tell({ type: 'listening' }),
    onReady: () => tell({ type: 'ready' }),
    onFatal: ({ code, message }, done) => tell({ type: 'fatal', code, message }, done),
  });
}

function tell(message: ChildMessage, done: () => void = () => {}): void {
  if (process.connected) process.send?.(message, done);
  else done();
}
