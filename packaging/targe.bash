# Completion for bash: targe, targed and targe-vtl. conformance/installed.py compares it with what their help lists.

# A field of all that the daemon lists, such as the names of its devices; $socket is where it is asked.
_targe_ask() { # LIST FIELD
    targe ${socket:+--socket "$socket"} --json "$1" list 2>/dev/null | sed -n "s/^    \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\$/\1/p"
}

# The words that may follow an option; nothing: it takes none.
_targe_values() { # OPTION
    case $1 in
        --direction) echo read write mix ;;
        --order) echo random sequential ;;
        --wait) echo sleep spin ;;
        --digests) echo none header data both ;;
        --generation) echo LTO-5 LTO-6 LTO-7 LTO-8 LTO-9 ;;
        --size | --reads | --depth | --sessions | --seconds | --warm-up | --span | --seed | --initiator | --drives | --slots | \
            --ports | --serial | --vendor | --product | --revision | --name | --capacity | --at | --barcode) echo '' ;;
        *) return 1 ;;
    esac
}

# The options of a command, or the commands of a group.
_targe_words() { # COMMAND
    case $1 in
        '') echo status reload session device reservation alua cdrom bench vtl target ;;
        reload) echo --dry-run ;;
        session) echo list drop ;;
        device) echo list refresh ;;
        reservation) echo list clear ;;
        alua) echo list set ;;
        cdrom) echo insert eject ;;
        target) echo list ;;
        vtl) echo create config list add remove move protect export import ;;
        'device refresh') echo --here --drop ;;
        'alua set') echo --preferred --not-preferred ;;
        'cdrom insert' | 'cdrom eject') echo --force ;;
        bench) echo --size --direction --reads --order --depth --sessions --seconds --warm-up --wait --digests --span --seed \
            --initiator --destroy-data ;;
        'vtl create') echo --generation --drives --slots --ports --serial --vendor --product --revision ;;
        'vtl config') echo --name ;;
        'vtl add') echo --generation --capacity --worm --at ;;
        'vtl remove') echo --destroy-data ;;
        'vtl import') echo --barcode --at ;;
    esac
}

# What the next argument of a command may be: $1, after $2 arguments.
_targe_argument() { # COMMAND COUNT
    case $1:$2 in
        'session drop:0') _targe_ask session id ;;
        'device refresh:0' | 'reservation clear:0' | 'cdrom insert:0' | 'cdrom eject:0') _targe_ask device name ;;
        'alua set:0') _targe_ask alua name ;;
        'alua set:2') echo active/optimized active/non-optimized standby unavailable offline transitioning ;;
        'vtl protect:2') echo on off ;;
    esac
}

_targe_files() { # -f or -d, WORD
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

_targe() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' count=0 socket='' at word
    for ((at = 1; at < COMP_CWORD; ++at)); do
        word=${COMP_WORDS[at]}
        [[ $word == --socket ]] && socket=${COMP_WORDS[at + 1]}
        if [[ $word == --socket ]] || { [[ $word == --* ]] && _targe_values "$word" >/dev/null; }; then
            ((++at)) # what follows is its value
        elif [[ $word != -* ]]; then
            case $command in
                '') command=$word ;;
                session | device | reservation | alua | cdrom | target | vtl) command+=" $word" ;;
                *) ((++count)) ;;
            esac
        fi
    done
    local words
    if [[ $previous == --socket ]]; then
        _targe_files -f "$current"
    elif words=$(_targe_values "$previous"); then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_targe_words "$command") --socket --json --help --version" -- "$current")
    else
        case $command:$count in
            'vtl '*:0) _targe_files -d "$current" ;;
            'cdrom insert:1' | 'vtl export:2' | 'vtl import:1') _targe_files -f "$current" ;;
            *' '*:* | bench:*) mapfile -t COMPREPLY < <(compgen -W "$(_targe_argument "$command" "$count")" -- "$current") ;;
            *:0) mapfile -t COMPREPLY < <(compgen -W "$(_targe_words "$command")" -- "$current") ;;
        esac
    fi
}

_targed() {
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        --config) _targe_files -f "${COMP_WORDS[COMP_CWORD]}" ;;
        *) mapfile -t COMPREPLY < <(compgen -W '--config --check --version --help' -- "${COMP_WORDS[COMP_CWORD]}") ;;
    esac
}

_targe_vtl() {
    local current=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        --socket-dir) _targe_files -d "$current" ;;
        --name | --wait) COMPREPLY=() ;;
        *)
            if [[ $current == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W '--name --socket-dir --wait --version --help' -- "$current")
            else
                _targe_files -d "$current"
            fi
            ;;
    esac
}

complete -F _targe targe
complete -F _targed targed
complete -F _targe_vtl targe-vtl
