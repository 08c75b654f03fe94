import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../src/system/clock.ts';

test('deferred work runs once, in order, after the present turn', async () => {
  const clock = new SystemClock();
  const seen: string[] = [];
  clock.defer(() => {
    seen.push('a');
    clock.defer(() => seen.push('c'));
  });
  clock.defer(() => seen.push('b'));
  seen.push('now');

  await new Promise((resolve) => clock.startTimer(20, () => resolve(null)));
  expect(seen).toEqual(['now', 'a', 'b', 'c']);
});

test('a timer never fires early, and not at all once cancelled', async () => {
  const clock = new SystemClock();
  const start = clock.monotonicMs();
  let cancelledFired = false;
  clock.startTimer(5, () => (cancelledFired = true)).cancel();

  const elapsed = await new Promise<number>((resolve) => clock.startTimer(20.5, () => resolve(clock.monotonicMs() - start)));
  expect(elapsed).toBeGreaterThanOrEqual(20.5);
  expect(cancelledFired).toBe(false);
});

test('after a pause of the process, waiting input is delivered before a due timer fires', async () => {
  const clockUrl = new URL('../../../src/system/clock.ts', import.meta.url).href;
  const program = `
    import { SystemClock } from '${clockUrl}';
    const clock = new SystemClock();
    let timer = null;
    const reset = () => { timer?.cancel(); timer = clock.startTimer(150, () => { console.log('election'); }); };
    process.stdin.on('data', (data) => { if (String(data).includes('q')) { console.log('end'); process.exit(0); } reset(); });
    reset();
    console.log('ready');
  `;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  const beats = setInterval(() => child.stdin.write('beat\n'), 20);
  await once(child.stdout, 'data');

  child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 100));
  clearInterval(beats);
  child.stdin.write('q');
  await once(child, 'exit');

  expect(output).toBe('ready\nend\n');
});
