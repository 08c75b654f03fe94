// Eight peers of contract 3 through compat/cs550, and clients written from its wire.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { connect } from 'node:net';
import { freePortsInARow } from '../support/free-ports.ts';
import { eventually } from '../support/curl.ts';

const launchers = path.join(import.meta.dirname, '..', '..', 'compat', 'cs550');
const client = path.join(import.meta.dirname, 'cs550-client.py');
export const peersCount = 8;

export interface RunningPeers {
  readonly port: number;
  readonly brokerPort: number;
  readonly child: ChildProcess;
  /** What `run_peers` has printed. */
  readonly lines: () => readonly string[];
  readonly diagnostics: () => string;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** Asks one peer and gives its answer; rejects where the connection is refused. */
  ask(vertex: number, request: unknown): Promise<string>;
}

/** Starts `run_peers`, without waiting for anything. */
export async function startPeers(
  options: { readonly data?: string; readonly port?: number; readonly brokerPort?: number } = {},
): Promise<RunningPeers> {
  const port = options.port ?? (await freePortsInARow(2 * peersCount));
  const brokerPort = options.brokerPort ?? port + peersCount;
  const args = [
    '--port',
    String(port),
    '--broker-port',
    String(brokerPort),
    ...(options.data === undefined ? [] : ['--data', options.data]),
  ];
  const child = spawn(path.join(launchers, 'run_peers'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  return {
    port,
    brokerPort,
    child,
    lines: () => Buffer.concat(out).toString('utf8').split('\n').slice(0, -1),
    diagnostics: () => Buffer.concat(err).toString('utf8'),
    ended: new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal))),
    ask: (vertex, request) => ask(port + vertex, request),
  };
}

/** All eight answer. */
export async function answering({ port }: { readonly port: number }): Promise<void> {
  for (let vertex = 0; vertex < peersCount; vertex++)
    await eventually(async () => {
      const answer = await ask(port + vertex, { action: 'none' });
      if (answer !== 'Invalid action') throw new Error(`answers ${answer}`);
    });
}

export async function withPeers(
  use: (peers: RunningPeers) => Promise<void>,
  options: Parameters<typeof startPeers>[0] = {},
): Promise<void> {
  const peers = await startPeers(options);
  try {
    await answering(peers);
    await use(peers);
  } finally {
    peers.child.kill('SIGTERM');
    await peers.ended;
  }
}

export function ask(port: number, request: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(JSON.stringify(request)));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.on('error', reject);
  });
}

/** One of the scripts of `cs550-client.py`; gives what it printed. */
export async function runScript({ port }: { readonly port: number }, script: string): Promise<string> {
  const child = spawn('python3', [client, String(port), script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return out;
}

const home = "on 100 and all the replicas has been stored into neighbors ['101', '110', '000']";
const opening = [
  "Create Publisher Response: Publisher ID 'publisher1' created.",
  "Create Subscriber Response: Subscriber ID 'subscriber1' created.",
  `Create Topic Response: Topic has been successfully created ${home}`,
  "Publish Message Response: Message published to 'news' and the replicas ['101', '110', '000'].",
];
const subscribed = "Subscribe Response: Subscriber ID 'subscriber1' subscribed to 'news'.";
const redirected = ['Cannot connect to the original node as node has failed', 'Found a replica on 101 Forwarding topic access to node 101'];

/** What the seed's report shows of each of its scripts, letter by letter. */
export const transcripts = {
  all_api: [
    ...opening,
    subscribed,
    'Pull Message Response: ["New president has been elected"]',
    "Delete Topic Response: Topic has been successfully deleted on 100 and all the replicas has been deleted from the neighbors ['101', '110', '000']",
  ],
  failure: [
    ...opening,
    'STOP Node Response: Node has been failed',
    subscribed,
    'Pull Message Response: ["New president has been elected"]',
  ],
  fetch_replica: [
    ...opening,
    'STOP Node Response: Node has been failed',
    ...redirected,
    subscribed,
    ...redirected,
    'Pull Message Response: {"original_node": "100", "message": "New president has been elected"}',
  ],
  fault_tolerance: [
    `Create Topic Response: Topic has been successfully created ${home}`,
    "Publish Message Response: Message published to 'news' and the replicas ['101', '110', '000'].",
    'STOP Node Response: Node has been failed',
    ...[8002, 8003, 8004].flatMap((port) => [
      ...redirected,
      `Node at port ${port}: {"original_node": "100", "message": "Important update"}`,
    ]),
  ],
} as const;
