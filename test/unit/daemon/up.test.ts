import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { confirmCluster, prepareCluster } from '../../../src/daemon/up.ts';

test('how many brokers a data directory has is decided when they have had a leader, not when they were first tried', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-up-'));
  try {
    const prepare = (brokerCount: number) => prepareCluster({ brokerCount, data, port: 9000, faultInjection: false });

    const [first] = prepare(5);
    // That start failed.
    const [second] = prepare(3);
    expect(second?.clusterId).toBe(first?.clusterId);
    expect(second?.brokers).toHaveLength(3);
    confirmCluster(data, 3);
    confirmCluster(data, 5);

    expect(prepare(3)).toHaveLength(3);
    expect(() => prepare(5)).toThrow('it holds a cluster of 3');
  } finally {
    rmSync(data, { recursive: true });
  }
});

test('whoever begins with a folder second, at the same time too, takes the cluster of the first', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-up-'));
  try {
    const prepare = () => prepareCluster({ brokerCount: 3, data, port: 9000, faultInjection: false })[0]?.clusterId;

    expect(prepare()).toBe(prepare());
    expect(readdirSync(data)).toEqual(['cluster.json', 'peer-secret']);
  } finally {
    rmSync(data, { recursive: true });
  }
});

test('a folder that everybody can write in is refused: its secret could be anybody’s', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-up-'));
  try {
    chmodSync(data, 0o777);
    const prepare = () => prepareCluster({ brokerCount: 3, data, port: 9000, faultInjection: false });

    expect(prepare).toThrow(`Cannot use the data directory ${data}: everybody on this machine can change it, chmod o-w ${data}`);

    chmodSync(data, 0o755);
    expect(prepare()).toHaveLength(3);
  } finally {
    rmSync(data, { recursive: true });
  }
});

test('the brokers of a folder share a secret that nobody else can read, and that outlives their starts', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-up-'));
  try {
    const prepare = () => prepareCluster({ brokerCount: 3, data, port: 9000, faultInjection: false });
    const file = path.join(data, 'peer-secret');

    const secrets = prepare().map(({ peerSecret }) => peerSecret);
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(file, 'utf8')).toBe(`${secrets[0]}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(prepare()[0]?.peerSecret).toBe(secrets[0]);

    // Somebody else may know it by now.
    chmodSync(file, 0o644);
    const [fresh] = prepare();
    expect(fresh?.peerSecret).not.toBe(secrets[0]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // Clients need none.
    expect(fresh?.token).toBeNull();
  } finally {
    rmSync(data, { recursive: true });
  }
});
