/** The scripts are thin: they hand what was typed to `cairn completion SHELL -- WORDS`, which answers for all shells alike (`candidates.ts`). */
import { Argument, type Command } from 'commander';
import { candidatesFor, filesMark, type ProgramParts } from './candidates.ts';
import { addExamples, type LoadCommand } from './command.ts';
import { type CliIo, write } from './io.ts';

type Shell = 'bash' | 'zsh' | 'fish';

export function define(command: Command, io: CliIo, loadCommand: LoadCommand): void {
  command
    .description(
      'Print what makes a shell complete commands, options, their values, topics, subscribers, publishers and contexts. Names are asked of the brokers that the ' +
        'line means, for a second at most, or so many ms as CAIRN_COMPLETION_MS says.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .argument('[word...]', 'behind --, what has been typed so far: print what may stand in place of the last word, a line each')
    .action(async (shell: Shell, words: readonly string[]) => {
      const text =
        words.length === 0 ? scripts[shell] : await complete(shell, words, { all: command.parent?.commands ?? [], loadCommand, io });
      await write(io.stdout, text);
    });
  addExamples(command, [
    { command: 'source <(cairn completion bash)', does: 'in ~/.bashrc' },
    { command: 'source <(cairn completion zsh)', does: 'in ~/.zshrc, after compinit' },
    { command: 'cairn completion fish > ~/.config/fish/completions/cairn.fish', does: 'once' },
    { command: 'cairn completion bash -- read or', does: 'what the script asks: topics that begin with "or"' },
  ]);
}

async function complete(shell: Shell, words: readonly string[], program: ProgramParts): Promise<string> {
  const { candidates, withFiles } = await candidatesFor(words, program);
  const lines = candidates.map(({ word, summary }) => lineOf(shell, word, summary.replace(/[\t\n]/g, ' ')));
  return [...lines, ...(withFiles ? [filesMark] : [])].map((line) => `${line}\n`).join('');
}

function lineOf(shell: Shell, word: string, summary: string): string {
  if (shell === 'bash') return word;
  return shell === 'fish' ? `${word}\t${summary}` : `${word.replace(/[\\:]/g, '\\$&')}:${summary}`;
}

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for cairn
_cairn() {
  local line typed="\${COMP_LINE:0:COMP_POINT}"
  local -a words
  # Not COMP_WORDS: those are cut at every : and =.
  read -ra words <<< "$typed"
  [[ $typed == *[[:space:]] ]] && words+=('')
  local current="\${words[\${#words[@]}-1]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == '${filesMark}' ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    elif [[ $current == --*=* ]]; then
      COMPREPLY+=("\${line#*=}")
    else
      COMPREPLY+=("$line")
    fi
  done < <("\${words[0]}" completion bash -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _cairn cairn
`,
  zsh: `#compdef cairn
_cairn() {
  local line
  local -a lines items
  lines=("\${(@f)$("\${words[1]}" completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines}"; do
    if [[ $line == '${filesMark}' ]]; then
      _files
    elif [[ -n $line ]]; then
      items+=("$line")
    fi
  done
  (( $#items )) && _describe 'cairn' items
}
compdef _cairn cairn
`,
  fish: `# fish completion for cairn
function __cairn_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -e typed[1]
    for line in (cairn completion fish -- $typed "$current" 2>/dev/null)
        if test "$line" = '${filesMark}'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c cairn -f -a '(__cairn_complete)'
`,
};
