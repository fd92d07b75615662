# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_isobath_global_optspecs
    string join \n log-filter= log-format= h/help V/version
end

function __fish_isobath_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_isobath_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_isobath_using_subcommand
    set -l cmd (__fish_isobath_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c isobath -n "__fish_isobath_needs_command" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_needs_command" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_needs_command" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "bench" -d 'Measures writes and searches in one run, on a node of its own'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "cluster" -d 'Says which regions a cluster consists of, in the bucket of each. The file names all of them, and how they are reached; all processes of the cluster are given the same'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "completions" -d 'Prints what a shell has to read to complete commands: `source <(isobath completions bash)`'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "config" -d 'Prints or checks the settings that a process would run with'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "demo" -d 'Loads sample data into a bucket of its own, searches it, and says how well'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "dev" -d 'Runs several regions in one process, on local directories, with the round trips of regions that are far apart; until SIGTERM or SIGINT'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "doctor" -d 'Checks bucket, cache directory and clock, and says in words what it found'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "export" -d 'Writes the rows of a namespace to a file, by id'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "gc" -d 'Deletes from a bucket what nobody needs any more, as a node with the role `compact` does now and then, and says of every object why it stays or goes'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "import" -d 'Writes the rows of Parquet, Arrow IPC or JSON Lines files into a namespace'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "inspect" -d 'Says what is in a bucket, without a server and without changing anything'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "keys" -d 'Makes, lists and revokes API keys'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "man" -d 'Prints the manual page, or writes those of all commands into a folder'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "restore" -d 'Restores what a bucket held at a moment into an empty one, and compares the digests of both'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "serve" -d 'Runs a node of a region until SIGTERM or SIGINT: it takes writes and answers queries over HTTP'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "snapshot" -d 'Keeps states of a bucket for later: each is a pin on a checkpoint, which can be restored while the pin is there'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "sql" -d 'Runs SQL statements; without any it asks for them'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "verify" -d 'Reads and checks every object of a bucket that anything refers to; needs no server and changes nothing'
complete -c isobath -n "__fish_isobath_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l base -d 'The rows: a Parquet, Arrow or JSON Lines file with `id` and `vector`' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l queries -d 'Query vectors: an fbin file' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l truth -d 'Their exact answers: an ibin file' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l filtered -d 'A filter as the API writes it, with its own exact answers; may be given several times' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l clients -d 'Clients at a time, comma-separated' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l recall -d 'Recalls at which searches are measured, comma-separated' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l seconds -d 'Seconds of each measurement' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l dir -d 'Where bucket and cache are made where no bucket is given. Default: a temporary directory' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l canned -d 'Measures nothing, but answers every query and every write at this address alike, for measurements with other clients' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l json -d 'Also writes the figures as JSON; `-` is standard output' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l reuse -d 'Only searches what an earlier run left in `--dir`'
complete -c isobath -n "__fish_isobath_using_subcommand bench" -l check -d 'Compares with the targets and fails where one is missed'
complete -c isobath -n "__fish_isobath_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand bench" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -f -a "init" -d 'Makes the buckets of all regions in the file one cluster. Buckets that are not empty must be of one cluster already, as is that of a region that was alone until now'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -f -a "status" -d 'Says what each bucket holds'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -f -a "add-region" -d 'Adds a region, whose bucket must be empty, to the others'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -f -a "remove-region" -d 'Removes a region that is lost, or not wanted any more. What of its log the other buckets hold together counts, and nothing else: stop its processes first'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and not __fish_seen_subcommand_from init status add-region remove-region help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from init" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from init" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from status" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from status" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from add-region" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from add-region" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from add-region" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from add-region" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from remove-region" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from remove-region" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from remove-region" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from remove-region" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "init" -d 'Makes the buckets of all regions in the file one cluster. Buckets that are not empty must be of one cluster already, as is that of a region that was alone until now'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "status" -d 'Says what each bucket holds'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "add-region" -d 'Adds a region, whose bucket must be empty, to the others'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "remove-region" -d 'Removes a region that is lost, or not wanted any more. What of its log the other buckets hold together counts, and nothing else: stop its processes first'
complete -c isobath -n "__fish_isobath_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand completions" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand completions" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand completions" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -f -a "print" -d 'Prints them as TOML, whether they are valid or not'
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -f -a "check" -d 'Checks them and names every problem'
complete -c isobath -n "__fish_isobath_using_subcommand config; and not __fish_seen_subcommand_from print check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from print" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "print" -d 'Prints them as TOML, whether they are valid or not'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Checks them and names every problem'
complete -c isobath -n "__fish_isobath_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand demo" -l dir -d 'Keeps the bucket in this directory; without it everything is removed at the end' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand demo" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand demo" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand demo" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l regions -d 'The regions\' names' -r
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l dir -d 'Where their buckets and caches lie' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l listen -d 'Address of the first region; the others take the ports after it' -r
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l rtt -d 'Milliseconds of the round trips between the regions, pair by pair: first and second, first and third, …, second and third, …; repeated as often as needed. 0 adds none' -r
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l set -d 'Any setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand dev" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand dev" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand dev" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand export" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand export" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand export" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand export" -l format -d 'The format' -r -f -a "jsonl\t'One JSON object a line'
parquet\t'Apache Parquet'
arrow\t'An Arrow IPC file; Feather version 2'"
complete -c isobath -n "__fish_isobath_using_subcommand export" -s o -l output -d 'The file; it appears when it is complete. Default: standard output' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand export" -l page-rows -d 'Rows a request' -r
complete -c isobath -n "__fish_isobath_using_subcommand export" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand export" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand export" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand gc" -l dry-run -d 'Only says what would be done'
complete -c isobath -n "__fish_isobath_using_subcommand gc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand gc" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand import" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand import" -l format -d 'The files\' format; told by their first bytes when not given' -r -f -a "parquet\t'Apache Parquet'
arrow\t'Arrow IPC, file or stream; Feather version 2'
jsonl\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand import" -l id-column -d 'The column with the ids' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l vector-column -d 'A column that is a vector though its type does not say so; fixed-size lists of floats, lists of 16- and 32-bit floats and `vector` are taken for one anyway' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l exclude -d 'A column to leave out' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l metric -d 'The distance metric of vectors that are new to the namespace: `cosine_distance`, `euclidean_squared` or `dot_product`' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l batch-rows -d 'Rows a request' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l in-flight -d 'Requests that are sent at a time' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l journal -d 'Where it is noted which rows have arrived. Default: the user\'s cache folder' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand import" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand import" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand import" -l wait -d 'Waits until all rows are indexed'
complete -c isobath -n "__fish_isobath_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand import" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -f -a "log" -d 'Says how far each log of a bucket goes, who claimed it, and what its last segments hold'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -f -a "segment" -d 'Verifies one segment and says what every write in it does'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -f -a "namespace" -d 'Replays the logs of a bucket for one namespace and says what it holds'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and not __fish_seen_subcommand_from log segment namespace help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -l last -d 'How many of the last segments to show' -r
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -l json -d 'Prints JSON'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from log" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from segment" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from segment" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from segment" -l json -d 'Prints JSON'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from segment" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from segment" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from namespace" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from namespace" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from namespace" -l json -d 'Prints JSON'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from namespace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from namespace" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from help" -f -a "log" -d 'Says how far each log of a bucket goes, who claimed it, and what its last segments hold'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from help" -f -a "segment" -d 'Verifies one segment and says what every write in it does'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from help" -f -a "namespace" -d 'Replays the logs of a bucket for one namespace and says what it holds'
complete -c isobath -n "__fish_isobath_using_subcommand inspect; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -f -a "create" -d 'Makes a key and prints it. Nobody can print it again: the server gets to know its hash only'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -f -a "list" -d 'Lists the keys: who may do what, not the keys themselves'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -f -a "revoke" -d 'Makes a key worthless, on every node within seconds'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and not __fish_seen_subcommand_from create list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l name -d 'What the key is called' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l prefix -d 'What the names of the namespaces begin with that it is for; all where it is empty' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l access -d 'What it allows there: read, write (and read), admin (and make keys of the same scope)' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l expires -d 'How long it is accepted, as `90d`; for ever where this is not given' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes a key and prints it. Nobody can print it again: the server gets to know its hash only'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the keys: who may do what, not the keys themselves'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Makes a key worthless, on every node within seconds'
complete -c isobath -n "__fish_isobath_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand man" -l dir -d 'The folder, which is made if need be' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand man" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand man" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand man" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l from -d 'The bucket to read: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l to -d 'The bucket to write, which must be empty; a directory is made if it is not there' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l at -d 'Every write that was committed up to this time, as `committed_at` told it; now if not given' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l snapshot -d 'What a snapshot keeps, by its id or name' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l namespace -d 'This namespace alone' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l region -d 'The region of the new bucket; that of the source if not given' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand restore" -l up-to-gap -d 'Restores up to the first missing segment of a log, where later ones are there: a copy may lag'
complete -c isobath -n "__fish_isobath_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand restore" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l config -d 'A TOML file with settings' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l region -d 'The region\'s name' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l bucket -d 'The region\'s bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l cache -d 'Where parts and indexes are kept; may be lost at any time' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l listen -d 'Address and port to listen on; port 0 takes a free one' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l pg -d 'Address and port to listen on for SQL by PostgreSQL\'s protocol' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l tls-cert -d 'A PEM file with the server\'s certificate, for HTTPS' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l tls-key -d 'A PEM file with the certificate\'s private key' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l roles -d 'What this process does, comma-separated: write, query, index, compact, replicate' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l set -d 'Any other setting; see `isobath config print`' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l cluster -d 'The file of the cluster that the region is part of; it says where the region\'s bucket is. What regions prove to each other that they belong together stands in the variable `ISOBATH_CLUSTER_KEY`' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand serve" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand serve" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -f -a "create" -d 'Keeps the newest checkpoint, and says how old it is'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -f -a "list" -d 'Shows all snapshots, the oldest first'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -f -a "delete" -d 'Deletes a snapshot; what only it kept is deleted by the next collection of garbage'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and not __fish_seen_subcommand_from create list delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l name -d 'What to call it; for people, and for `restore` and `delete`' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l expires -d 'For how long it is kept, as `30d`; until it is deleted if not given' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from delete" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from delete" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "create" -d 'Keeps the newest checkpoint, and says how old it is'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "list" -d 'Shows all snapshots, the oldest first'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Deletes a snapshot; what only it kept is deleted by the next collection of garbage'
complete -c isobath -n "__fish_isobath_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l url -d 'The server\'s address' -r
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l patience -d 'For how long a request that fails is repeated' -r
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l key-file -d 'A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand sql" -s c -l command -d 'Statements to run, separated by semicolons' -r
complete -c isobath -n "__fish_isobath_using_subcommand sql" -s f -l file -d 'A file of statements; `-` is standard input' -r -F
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l format -d 'How rows are shown' -r -f -a "table\t'A table for people'
jsonl\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand sql" -l timing -d 'Shows how long each statement took'
complete -c isobath -n "__fish_isobath_using_subcommand sql" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand sql" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand verify" -l log-filter -d 'Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what `RUST_LOG` says, else `warn`' -r
complete -c isobath -n "__fish_isobath_using_subcommand verify" -l log-format -d 'How log lines look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isobath -n "__fish_isobath_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isobath -n "__fish_isobath_using_subcommand verify" -s V -l version -d 'Print version'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "bench" -d 'Measures writes and searches in one run, on a node of its own'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "cluster" -d 'Says which regions a cluster consists of, in the bucket of each. The file names all of them, and how they are reached; all processes of the cluster are given the same'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "completions" -d 'Prints what a shell has to read to complete commands: `source <(isobath completions bash)`'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "config" -d 'Prints or checks the settings that a process would run with'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "demo" -d 'Loads sample data into a bucket of its own, searches it, and says how well'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "dev" -d 'Runs several regions in one process, on local directories, with the round trips of regions that are far apart; until SIGTERM or SIGINT'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "doctor" -d 'Checks bucket, cache directory and clock, and says in words what it found'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "export" -d 'Writes the rows of a namespace to a file, by id'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "gc" -d 'Deletes from a bucket what nobody needs any more, as a node with the role `compact` does now and then, and says of every object why it stays or goes'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "import" -d 'Writes the rows of Parquet, Arrow IPC or JSON Lines files into a namespace'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "inspect" -d 'Says what is in a bucket, without a server and without changing anything'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "keys" -d 'Makes, lists and revokes API keys'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "man" -d 'Prints the manual page, or writes those of all commands into a folder'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "restore" -d 'Restores what a bucket held at a moment into an empty one, and compares the digests of both'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "serve" -d 'Runs a node of a region until SIGTERM or SIGINT: it takes writes and answers queries over HTTP'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "snapshot" -d 'Keeps states of a bucket for later: each is a pin on a checkpoint, which can be restored while the pin is there'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "sql" -d 'Runs SQL statements; without any it asks for them'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "verify" -d 'Reads and checks every object of a bucket that anything refers to; needs no server and changes nothing'
complete -c isobath -n "__fish_isobath_using_subcommand help; and not __fish_seen_subcommand_from bench cluster completions config demo dev doctor export gc import inspect keys man restore serve snapshot sql verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "init" -d 'Makes the buckets of all regions in the file one cluster. Buckets that are not empty must be of one cluster already, as is that of a region that was alone until now'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "status" -d 'Says what each bucket holds'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "add-region" -d 'Adds a region, whose bucket must be empty, to the others'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "remove-region" -d 'Removes a region that is lost, or not wanted any more. What of its log the other buckets hold together counts, and nothing else: stop its processes first'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "print" -d 'Prints them as TOML, whether they are valid or not'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Checks them and names every problem'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from inspect" -f -a "log" -d 'Says how far each log of a bucket goes, who claimed it, and what its last segments hold'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from inspect" -f -a "segment" -d 'Verifies one segment and says what every write in it does'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from inspect" -f -a "namespace" -d 'Replays the logs of a bucket for one namespace and says what it holds'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "create" -d 'Makes a key and prints it. Nobody can print it again: the server gets to know its hash only'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "list" -d 'Lists the keys: who may do what, not the keys themselves'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "revoke" -d 'Makes a key worthless, on every node within seconds'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "create" -d 'Keeps the newest checkpoint, and says how old it is'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "list" -d 'Shows all snapshots, the oldest first'
complete -c isobath -n "__fish_isobath_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "delete" -d 'Deletes a snapshot; what only it kept is deleted by the next collection of garbage'
