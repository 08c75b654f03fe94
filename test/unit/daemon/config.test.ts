import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultSettings } from '../../../src/broker/settings.ts';
import { type ConfigInput, type DaemonConfig, readConfig } from '../../../src/daemon/config.ts';
import { LogError } from '../../../src/eventlog/index.ts';
import { defaultHttpSettings } from '../../../src/gateway/http/settings.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function config(input: Partial<ConfigInput> & { readonly yaml?: string } = {}): DaemonConfig {
  const file = input.yaml === undefined ? null : write('cairn.yaml', input.yaml);
  return readConfig({ file, env: {}, flags: {}, ...input });
}

/** The sentence of the refusal, with the folder of this test taken out. */
function refusal(input: Partial<ConfigInput> & { readonly yaml?: string }): string {
  try {
    config(input);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return `${error.code}: ${error.message.replaceAll(`${folder}/`, '')}`;
  }
  return 'not refused';
}

const token = 'f'.repeat(64);

describe('the configuration', () => {
  test('of nothing is one broker on loopback', () => {
    expect(config()).toMatchObject({
      self: { id: 1, host: '127.0.0.1', port: 8000 },
      brokers: [{ id: 1 }],
      listen: { host: '127.0.0.1', port: 8000 },
      data: path.resolve('cairn-data/broker-1'),
      token: null,
      tls: null,
      isInsecure: false,
      faultInjection: false,
      settings: defaultSettings,
      http: defaultHttpSettings,
      lines: null,
      cs550: null,
    });
  });

  test('of a file names brokers, paths from where the file is, and bounds', () => {
    write('token', `${token}\n`);

    const read = config({
      yaml: `
broker: 2
brokers:
  - { id: 1, address: "10.0.0.1:8000" }
  - { id: 2, address: "[fd00::2]:8001" }
data: data
tokenFile: token
log: { level: warn, file: cairn.log }
limits: { topicsMax: 7 }
http: { followersMax: 8 }
hosts: ["logs.example:443"]
`,
    });

    expect(read).toMatchObject({
      self: { id: 2, host: 'fd00::2', port: 8001 },
      listen: { host: 'fd00::2', port: 8001 },
      data: path.join(folder, 'data'),
      token,
      isInsecure: false,
      log: { level: 'warn', file: path.join(folder, 'cairn.log') },
      settings: { ...defaultSettings, topicsMax: 7, topicsMaxBefore: 7 },
      http: { ...defaultHttpSettings, followersMax: 8 },
      extraHosts: ['logs.example:443'],
    });
  });

  test('is overridden by the environment, and that by flags', () => {
    const yaml = 'broker: 1\nlog: { level: warn }\ndata: a\nfaultInjection: true';
    const env = { CAIRN_LOG_LEVEL: 'error', CAIRN_DATA: '/b', CAIRN_FAULT_INJECTION: 'false' };

    const read = config({ yaml, env, flags: { data: '/c' } });

    expect(read).toMatchObject({ log: { level: 'error' }, data: '/c', faultInjection: false });
  });

  test('of brokers comes from one variable or flag too', () => {
    const brokers = [
      { id: 1, host: 'a', port: 1 },
      { id: 2, host: '127.0.0.1', port: 2 },
    ];

    expect(config({ env: { CAIRN_BROKERS: '1=a:1, 2=127.0.0.1:2', CAIRN_BROKER: '2' } }).brokers).toEqual(brokers);
    expect(config({ flags: { brokers: '1=a:1,2=127.0.0.1:2', broker: '2' } }).brokers).toEqual(brokers);
  });

  test('of a disk in memory has no data directory', () => {
    expect(config({ flags: { disk: 'memory' } }).data).toBeNull();
  });
});

describe('listening beyond loopback', () => {
  test('is open with a token, and with a warning without', () => {
    const tokenFile = write('token', token);

    expect(config({ flags: { listen: '0.0.0.0:1', tokenFile } }).isInsecure).toBe(false);
    expect(config({ flags: { listen: '0.0.0.0:1', insecureListen: true } }).isInsecure).toBe(true);
    expect(config({ flags: { listen: '127.1.2.3:1' } }).isInsecure).toBe(false);
  });

  test.each(['0.0.0.0:8000', '10.0.0.1:8000', '[::]:8000', 'some.name:8000', '127.0.0.1.evil:8000'])(
    'on %s is refused without either',
    (listen) => {
      expect(refusal({ flags: { listen } })).toMatch(
        /^insecureListen: Cannot listen on .*: that is beyond loopback and no token file is configured/,
      );
    },
  );
});

describe('a wrong setting is refused with its place:', () => {
  test.each([
    ['broker: 0', 'cairn.yaml: broker: it must be an integer from 1 to 1048575'],
    ['broker: one', 'cairn.yaml: broker: it must be an integer from 1 to 1048575'],
    ['broker: 1048576', 'cairn.yaml: broker: it must be an integer from 1 to 1048575'],
    ['brokr: 1', 'cairn.yaml: brokr: there is no such setting'],
    ['tls: { cert: a }', 'cairn.yaml: tls.cert: there is no such setting'],
    ['tls: a', 'cairn.yaml: tls: it must be a mapping of keys to values'],
    ['limits: { topicsMax: -1 }', 'cairn.yaml: limits.topicsMax: it must be an integer from 1 to 2147483647'],
    ['limits: { segmentBytesMin: 100 }', 'cairn.yaml: limits.segmentBytesMin: it must be an integer from 4096 to 1073741824'],
    ['limits: { batchBytesMax: 8388609 }', 'cairn.yaml: limits.batchBytesMax: it must be an integer from 1 to 8388608'],
    ['limits: { heartbeatMs: 200 }', 'limits.electionTimeoutMs: it is 300 and must be at least twice limits.heartbeatMs'],
    ['limits: { segmentBytesMax: 8192 }', 'cairn.yaml: limits.segmentBytesMax: it is 8192 and must be at least limits.segmentBytesMin'],
    ['http: { keepAliveTimeoutMs: 2147483648 }', 'cairn.yaml: http.keepAliveTimeoutMs: it must be an integer from 1 to 2147483647'],
    ['lines: { lineBytesMax: 1044481 }', 'cairn.yaml: lines.lineBytesMax: it must be an integer from 1 to 1044480'],
    ['limits: { topics: 1 }', 'cairn.yaml: limits.topics: there is no such setting'],
    [
      'brokers: []',
      'cairn.yaml: brokers: it must be a list of brokers, each with an id from 1 to 1048575 and an address host:port, no id and no address twice',
    ],
    [
      'brokers: [{ id: 1 }]',
      'cairn.yaml: brokers: it must be a list of brokers, each with an id from 1 to 1048575 and an address host:port, no id and no address twice',
    ],
    ['brokers: [{ id: 1, address: a }]', 'cairn.yaml: brokers: "a" is not of the form host:port'],
    ['brokers: [{ id: 1, address: "a:1" }, { id: 1, address: "b:1" }]', 'cairn.yaml: brokers: a broker id stands there twice'],
    ['brokers: [{ id: 1, address: "a:1" }, { id: 2, address: "a:1" }]', 'cairn.yaml: brokers: an address stands there twice'],
    ['brokers: [{ id: 2, address: "a:1" }]', 'broker: broker 1 is not one of the brokers'],
    ['listen: "8000"', 'cairn.yaml: listen: "8000" is not of the form host:port'],
    ['listen: "a:99999"', 'cairn.yaml: listen: "a:99999" is not of the form host:port'],
    [
      'lines: { listen: "127.0.0.1:1", topic: "a b" }',
      'cairn.yaml: lines.topic: it must be a topic name: 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore',
    ],
    ['disk: floppy', 'cairn.yaml: disk: it must be real or memory'],
    ['disk: memory\ndata: a', 'cairn.yaml: data: the disk in memory has no data directory'],
    ['clusterId: x', 'cairn.yaml: clusterId: it must be 32 hex digits'],
    ['- a', 'cairn.yaml: it is not a mapping of keys to values'],
    ['__proto__: { broker: 2 }', 'cairn.yaml: __proto__.broker: there is no such setting'],
  ])('%s', (yaml, sentence) => {
    expect(refusal({ yaml })).toBe(`invalidConfig: Cannot use ${sentence}`);
  });

  test('a file that is not YAML, with the line', () => {
    expect(refusal({ yaml: 'a: [\nb: }' })).toMatch(/^invalidConfig: Cannot use cairn.yaml: it is not YAML: .* at line \d+, column \d+$/);
  });

  test('a variable, a flag', () => {
    expect(refusal({ env: { CAIRN_BROKER: 'x' } })).toBe('invalidConfig: Cannot use CAIRN_BROKER: it must be an integer from 1 to 1048575');
    expect(refusal({ env: { CAIRN_FAULT_INJECTION: 'yes' } })).toBe(
      'invalidConfig: Cannot use CAIRN_FAULT_INJECTION: it must be true or false',
    );
    expect(refusal({ flags: { brokers: '1=a:1,b:2' } })).toMatch(/^invalidConfig: Cannot use --cluster: it must be a list of brokers/);
  });

  test.each([
    ['/logs/../*', 'it goes through "." or ".."'],
    ['/logs/**', '"**" is not known: name each folder on the way, or "*" for any'],
    ['/logs/', 'it names a folder, not files'],
    ['/logs/[z-a]*/x', 'a range in "[z-a]*" ends before it begins'],
    ['/logs/[!]x]', null],
    ['/logs/[', null],
  ])('a glob of files: %s', (glob, reason) => {
    const said = `invalidConfig: Cannot use --files: the glob ${JSON.stringify(glob)} cannot be exposed: ${reason}`;
    expect(refusal({ flags: { files: `app=${glob}` } })).toBe(reason === null ? 'not refused' : said);
  });

  test('a file that is not there, a token that is too short, half of a certificate', () => {
    expect(refusal({ file: path.join(folder, 'none') })).toBe('invalidConfig: Cannot read the configuration none: there is no such file');
    expect(refusal({ flags: { tokenFile: path.join(folder, 'none') } })).toBe(
      'invalidConfig: Cannot read the token none: there is no such file',
    );
    expect(refusal({ flags: { tokenFile: write('short', 'secret') } })).toMatch(
      /^invalidConfig: Cannot use --token-file: the token in short is not one word/,
    );
    expect(refusal({ flags: { 'tls.certFile': write('cert', '') } })).toBe(
      'invalidConfig: Cannot use --tls-cert-file: certificate and key belong together',
    );
  });

  test('several brokers with TLS and nothing to know one another by', () => {
    const flags = { 'tls.certFile': write('c', ''), 'tls.keyFile': write('k', ''), brokers: '1=a:1,2=b:2', listen: '127.0.0.1:1' };

    expect(refusal({ flags })).toBe('invalidConfig: Cannot use --tls-cert-file: several brokers need tls.caFile to know one another');
  });
});

describe('lines', () => {
  const read = (flags: Record<string, string | boolean>): DaemonConfig => readConfig({ file: null, env: {}, flags });

  test('are taken nowhere unless an address is given', () => {
    expect(read({}).lines).toBeNull();
    expect(read({ 'lines.listen': '127.0.0.1:7000' }).lines).toMatchObject({ listen: { host: '127.0.0.1', port: 7000 }, topic: 'lines' });
  });

  test('beyond loopback need insecureListen, for a line carries no token', () => {
    expect(() => read({ 'lines.listen': '0.0.0.0:7000' })).toThrow(
      'Cannot take lines on 0.0.0.0:7000: that is beyond loopback and lines carry no token',
    );
    expect(read({ 'lines.listen': '0.0.0.0:7000', insecureListen: true }).lines?.listen.host).toBe('0.0.0.0');
  });
});
