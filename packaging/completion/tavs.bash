# Completion of tavs(8) for bash. Written by packaging/completion.py from the code; change that.
#
# _tavs_known PATH NAME tells what may come after a command (PATH: its words) in the place NAME: the value of an option,
# or the argument of that number. It sets `words`, or `files` to 1.

_tavs_known() {
    words='' files=0
    case "$1:$2" in
        ":options") words='--help' ;;
        ":commands") words='accounts advise audit backup calls check clock config consent demo desk destroy egress firewall hold keys listen mask masking notice receipts recording replay restore retention run show status subject support-bundle sweep terms transcribe' ;;
        "accounts:options") words='--help' ;;
        "accounts:commands") words='add list passwd remove sessions' ;;
        "accounts add:options") words='--extension --language --stdin --no-password --help' ;;
        "accounts add:--language") words='da en' ;;
        "accounts list:options") words='--json --help' ;;
        "accounts passwd:options") words='--stdin --help' ;;
        "accounts remove:options") words='--help' ;;
        "accounts sessions:options") words='--help' ;;
        "accounts sessions:commands") words='end' ;;
        "accounts sessions end:options") words='--help' ;;
        "advise:options") words='--jsonl --help' ;;
        "audit:options") words='--help' ;;
        "audit:commands") words='verify' ;;
        "audit verify:options") words='--json --help' ;;
        "backup:options") words='--help' ;;
        "backup:commands") words='recipient to verify' ;;
        "backup recipient:options") words='--replace --help' ;;
        "backup recipient:1") files=1 ;;
        "backup to:options") words='--recipient --keys-only --content-only --receipts-only --prune --new --json --help' ;;
        "backup to:--recipient") files=1 ;;
        "backup to:1") files=1 ;;
        "backup verify:options") words='--json --help' ;;
        "backup verify:1") files=1 ;;
        "calls:options") words='--json --help' ;;
        "check:options") words='--json --capacity --help' ;;
        "clock:options") words='--help' ;;
        "clock:commands") words='confirm' ;;
        "clock confirm:options") words='--help' ;;
        "config:options") words='--effective --help' ;;
        "consent:options") words='--help' ;;
        "consent:commands") words='add' ;;
        "consent add:options") words='--answer --source --pressed --prompt --prompt-version --language --at --help' ;;
        "consent add:--answer") words='yes no unclear' ;;
        "consent add:--source") words='dtmf header metadata pbx officer' ;;
        "demo:options") words='--json --home --help' ;;
        "demo:--home") files=1 ;;
        "desk:options") words='--help' ;;
        "destroy:options") words='--confirm --json --help' ;;
        "egress:options") words='--help' ;;
        "egress:commands") words='list verify' ;;
        "egress list:options") words='--call --since --json --help' ;;
        "egress verify:options") words='--json --help' ;;
        "firewall:options") words='--help' ;;
        "firewall:commands") words='apply show' ;;
        "firewall apply:options") words='--help' ;;
        "firewall show:options") words='--help' ;;
        "hold:options") words='--help' ;;
        "hold:commands") words='add list release' ;;
        "hold add:options") words='--kind --reason --owner --review --number --case --transcript --help' ;;
        "hold add:--kind") words='complaint dispute case access restriction' ;;
        "hold list:options") words='--all --json --help' ;;
        "hold release:options") words='--outcome --basis --until --help' ;;
        "hold release:--outcome") words='closed limitation' ;;
        "keys:options") words='--help' ;;
        "keys:commands") words='init rotate status' ;;
        "keys init:options") words='--help' ;;
        "keys rotate:options") words='--help' ;;
        "keys rotate:1") words='site desk index' ;;
        "keys status:options") words='--json --help' ;;
        "listen:options") words='--help' ;;
        "mask:options") words='--jsonl --lang --help' ;;
        "masking:options") words='--help' ;;
        "masking:commands") words='report' ;;
        "masking report:options") words='--segments --json --help' ;;
        "notice:options") words='--lang --help' ;;
        "notice:--lang") words='da en' ;;
        "receipts:options") words='--help' ;;
        "receipts:commands") words='export' ;;
        "receipts export:options") words='--last --help' ;;
        "receipts export:1") files=1 ;;
        "recording:options") words='--help' ;;
        "recording:commands") words='export' ;;
        "recording export:options") words='--purpose --case --out --json --help' ;;
        "recording export:--purpose") words='documentation quality training limitation' ;;
        "recording export:--out") files=1 ;;
        "replay:options") words='--json --home --help' ;;
        "replay:--home") files=1 ;;
        "replay:1") files=1 ;;
        "restore:options") words='--help' ;;
        "restore:commands") words='accept from' ;;
        "restore accept:options") words='--by --help' ;;
        "restore from:options") words='--keys --identity --receipts --box --json --help' ;;
        "restore from:--keys") files=1 ;;
        "restore from:--identity") files=1 ;;
        "restore from:--receipts") files=1 ;;
        "restore from:1") files=1 ;;
        "retention:options") words='--help' ;;
        "retention:commands") words='apply show' ;;
        "retention apply:options") words='--confirm --json --help' ;;
        "retention show:options") words='--json --help' ;;
        "run:options") words='--home --help' ;;
        "run:--home") files=1 ;;
        "show:options") words='--json --help' ;;
        "status:options") words='--json --watch --help' ;;
        "subject:options") words='--help' ;;
        "subject:commands") words='erase export find object restrict withdraw' ;;
        "subject erase:options") words='--number --call --yes --json --help' ;;
        "subject export:options") words='--number --call --yes --out --json --help' ;;
        "subject export:--out") files=1 ;;
        "subject find:options") words='--number --call --json --help' ;;
        "subject object:options") words='--number --call --yes --json --help' ;;
        "subject restrict:options") words='--number --call --reason --owner --transcript --help' ;;
        "subject withdraw:options") words='--number --call --yes --json --help' ;;
        "support-bundle:options") words='--out --help' ;;
        "support-bundle:--out") files=1 ;;
        "sweep:options") words='--dry-run --now --json --help' ;;
        "terms:options") words='--help' ;;
        "terms:commands") words='import list remove search' ;;
        "terms import:options") words='--json --help' ;;
        "terms import:rest") files=1 ;;
        "terms list:options") words='--json --help' ;;
        "terms remove:options") words='--version --help' ;;
        "terms search:options") words='--json --help' ;;
        "transcribe:options") words='--model --jsonl --help' ;;
        "transcribe:1") files=1 ;;
    esac
}

_tavs_takes_value() {
    case "$1:$2" in
        "accounts add:--extension" | \
        "accounts add:--language" | \
        "backup to:--recipient" | \
        "consent add:--answer" | \
        "consent add:--source" | \
        "consent add:--pressed" | \
        "consent add:--prompt" | \
        "consent add:--prompt-version" | \
        "consent add:--language" | \
        "consent add:--at" | \
        "demo:--home" | \
        "egress list:--call" | \
        "egress list:--since" | \
        "hold add:--kind" | \
        "hold add:--reason" | \
        "hold add:--owner" | \
        "hold add:--review" | \
        "hold add:--number" | \
        "hold add:--case" | \
        "hold add:--transcript" | \
        "hold release:--outcome" | \
        "hold release:--basis" | \
        "hold release:--until" | \
        "mask:--lang" | \
        "masking report:--segments" | \
        "notice:--lang" | \
        "recording export:--purpose" | \
        "recording export:--case" | \
        "recording export:--out" | \
        "replay:--home" | \
        "restore accept:--by" | \
        "restore from:--keys" | \
        "restore from:--identity" | \
        "restore from:--receipts" | \
        "restore from:--box" | \
        "run:--home" | \
        "subject erase:--number" | \
        "subject erase:--call" | \
        "subject export:--number" | \
        "subject export:--call" | \
        "subject export:--out" | \
        "subject find:--number" | \
        "subject find:--call" | \
        "subject object:--number" | \
        "subject object:--call" | \
        "subject restrict:--number" | \
        "subject restrict:--call" | \
        "subject restrict:--reason" | \
        "subject restrict:--owner" | \
        "subject restrict:--transcript" | \
        "subject withdraw:--number" | \
        "subject withdraw:--call" | \
        "support-bundle:--out" | \
        "sweep:--now" | \
        "terms remove:--version" | \
        "transcribe:--model") return 0 ;;
        *) return 1 ;;
    esac
}

_tavs() {
    local current=${COMP_WORDS[COMP_CWORD]} previous='' path='' words='' files=0 place=1 index word
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ -n $previous ]]; then
            [[ $word == = ]] || previous=''
        elif [[ $word == -* ]]; then
            _tavs_takes_value "$path" "$word" && previous=$word
        else
            _tavs_known "$path" commands
            if [[ " $words " == *" $word "* ]]; then
                path=${path:+$path }$word
            else
                place=$((place + 1))
            fi
        fi
    done
    [[ $current == = ]] && current=''
    if [[ -n $previous ]]; then
        _tavs_known "$path" "$previous"
    elif [[ $current == -* ]]; then
        _tavs_known "$path" options
    else
        _tavs_known "$path" commands
        [[ -n $words ]] || _tavs_known "$path" "$place"
        [[ -n $words || $files -eq 1 ]] || _tavs_known "$path" rest
    fi
    if [[ $files -eq 1 ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}

complete -F _tavs tavs
