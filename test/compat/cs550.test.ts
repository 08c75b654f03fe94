import { expect, test } from 'vitest';
import { needsPrograms } from '../support/needs.ts';
import { peersCount, runScript, transcripts, withPeers } from './cs550.ts';

// The seed's other scripts, and its ten defects: `npm run test:long cs550`.
test("eight peers give the author's client what his report shows, and tell what he was told", needsPrograms('python3'), async () => {
  await withPeers(async (peers) => {
    expect((await runScript(peers, 'all_api')).trimEnd().split('\n')).toEqual(transcripts.all_api);

    const lines = peers.lines();
    expect(lines.slice(0, peersCount)).toEqual(
      Array.from(
        { length: peersCount },
        (_, vertex) => `Started node ${vertex.toString(2).padStart(3, '0')} on port ${peers.port + vertex}`,
      ),
    );
    const told = (text: string): unknown =>
      expect.stringMatching(new RegExp(`^\\[Node 100\\] \\[\\d{4}-\\d\\d-\\d\\dT[\\d:.]+\\] ${text}`));
    for (const text of [
      "Neighbors: \\['101', '110', '000'\\]$",
      `Server started on port ${peers.port + 4}$`,
      'Received message from client: \\{"action": "publish", "publisher_id": "publisher1", "topic": "news", "content": "New president has been elected"\\}$',
      "Response to client: Message published to 'news' and the replicas \\['101', '110', '000'\\].$",
    ])
      expect(lines).toContainEqual(told(text));
    peers.child.kill('SIGTERM');
    expect(await peers.ended).toBe(0);
    expect(peers.diagnostics()).toBe('');
  });
});
