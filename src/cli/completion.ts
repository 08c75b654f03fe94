import { Argument, type Command } from 'commander';
import { addExamples } from './command.ts';
import { type CliIo, write } from './io.ts';

/** What can be typed after a word: commands, subcommands and options, each with its summary. */
interface Words {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
}

export function define(command: Command, io: CliIo, loadAll: () => Promise<Command>): void {
  command.addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh'])).action(async (shell: 'bash' | 'zsh') => {
    const words = collect(await loadAll(), '');
    await write(io.stdout, shell === 'bash' ? bashScript(words) : zshScript(words));
  });
  addExamples(command, [
    { command: 'source <(cairn completion bash)', does: 'in ~/.bashrc' },
    { command: 'source <(cairn completion zsh)', does: 'in ~/.zshrc, after compinit' },
  ]);
}

function collect(command: Command, path: string): readonly Words[] {
  const options = command.options.flatMap((option) =>
    option.long === undefined || option.long === null ? [] : [{ word: option.long, summary: option.description }],
  );
  const children = command.commands.map((child) => ({ word: child.name(), summary: child.summary() }));
  const own = { path, words: [...children, ...options, { word: '--help', summary: 'print this help' }] };
  return [own, ...command.commands.flatMap((child) => collect(child, path === '' ? child.name() : `${path} ${child.name()}`))];
}

function bashScript(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`).join('\n');
  return `# bash completion for cairn
_cairn_words() {
  case "$1" in
${cases}
    *) return 1 ;;
  esac
}
_cairn() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) [[ $path == *' '* ]] || path="\${path:+$path }$word" ;; esac
  done
  _cairn_words "$path" || _cairn_words "\${path%% *}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -gt 0 || $current == -* ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _cairn cairn
`;
}

function zshScript(all: readonly Words[]): string {
  const quote = (text: string): string => text.replace(/'/g, `'\\''`);
  const cases = all
    .map(({ path, words }) => {
      const items = words.map(({ word, summary }) => `'${quote(word)}:${quote(summary.replace(/:/g, '\\:'))}'`).join(' ');
      return `    '${path}') list=(${items}) ;;`;
    })
    .join('\n');
  return `#compdef cairn
_cairn_list() {
  case "$1" in
${cases}
    *) return 1 ;;
  esac
}
_cairn() {
  local -a list
  local typed='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* || $typed == *' '* ]] || typed="\${typed:+$typed }$word"
  done
  _cairn_list "$typed" || _cairn_list "\${typed%% *}"
  _describe 'cairn' list || _files
}
compdef _cairn cairn
`;
}
