/* What is made of the tables besides the shell itself: --help, the manual page, completion for
 * other shells. */
#include "cli/build.h"
#include "cli/start.h"
#include <ctype.h>
#include <string.h>

/* -- --help -------------------------------------------------------------------------------------
 */

void rk_cli_print_usage(FILE *to)
{
    fprintf(to, "rookery-cli [options] [command [arguments]]\n\n"
                "A shell for ZooKeeper and Rookery. Without a command: commands from the terminal "
                "or stdin.\n\n"
                "Options (one hyphen or two)\n");
    for (const struct rk_cli_start_option *o = rk_cli_start_options; o->name; o++) {
        char name[64];
        snprintf(name, sizeof name, "-%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(to, "  %-28s %s\n", name, o->help);
    }
    fprintf(to, "\nCommands (rookery-cli help COMMAND says more)\n");
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++)
        fprintf(to, "  %-21s %s\n", (*c)->name, (*c)->summary);
    fprintf(
        to,
        "\nExit codes: 0 done; 1 a command failed; 2 not understood; 3 no connection; 4 login or "
        "permission;\n130 Ctrl-C; with --zkcli those of zkCli. man rookery-cli says more.\n");
}

/* -- The manual page ----------------------------------------------------------------------------
 */

/* Text that troff takes as it is. */
static void put_troff(FILE *to, const char *text)
{
    bool is_line_begin = true;

    for (; *text; text++) {
        if (is_line_begin && (*text == '.' || *text == '\''))
            fputs("\\&", to);
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else
            fputc(*text, to);
        is_line_begin = *text == '\n';
    }
}

/* "-name VALUE" as what a paragraph is about; its line is left open. */
static void put_term(FILE *to, const char *name, const char *value)
{
    fputs(".TP\n.B \\-", to);
    put_troff(to, name);
    if (!value)
        return;
    fputs(" \\fI", to);
    put_troff(to, value);
    fputs("\\fR", to);
}

static void put_options(FILE *to)
{
    fputs(".SH OPTIONS\nWith one hyphen or two, before the command.\n", to);
    for (const struct rk_cli_start_option *o = rk_cli_start_options; o->name; o++) {
        put_term(to, o->name, o->value);
        if (o->other) {
            fputs(", \\fB\\-\\-", to);
            put_troff(to, o->other);
            fputs("\\fR", to);
        }
        fputc('\n', to);
        put_troff(to, o->help);
        fputs(".\n", to);
    }
}

static void put_commands(FILE *to)
{
    fputs(".SH COMMANDS\n"
          "Flags may stand before, between and behind arguments; after \\-\\- nothing is a flag.\n",
          to);
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++) {
        fprintf(to, ".SS %s\n.B %s\n", (*c)->name, (*c)->name);
        put_troff(to, (*c)->usage);
        fputs("\n.PP\n", to);
        fputc(toupper((unsigned char)(*c)->summary[0]), to);
        put_troff(to, (*c)->summary + 1);
        fputs(".\n", to);
        if ((*c)->help) {
            put_troff(to, (*c)->help);
            fputc('\n', to);
        }
        for (const struct rk_cli_flag *f = (*c)->flags; f && f->name; f++) {
            put_term(to, f->name, f->value);
            fputc('\n', to);
            put_troff(to, f->help);
            fputc('\n', to);
        }
    }
}

static const char man_head[] =
    ".\\\" Made by rookery-cli --man; a test compares.\n"
    ".TH ROOKERY-CLI 1 \"\" \"Rookery\" \"User Commands\"\n"
    ".SH NAME\n"
    "rookery-cli \\- a shell for ZooKeeper and Rookery\n"
    ".SH SYNOPSIS\n"
    ".B rookery-cli\n"
    "[\\fIoptions\\fR] [\\fIcommand\\fR [\\fIarguments\\fR]]\n"
    ".SH DESCRIPTION\n"
    "Speaks to any server that speaks ZooKeeper's protocol. Has every command of zkCli, with its "
    "flags\n"
    "and what it prints, and more. With a command it runs that one; with\n"
    ".B \\-c\n"
    "the commands of a text; else it reads commands from stdin: on a terminal with line editing "
    "(Tab\n"
    "completes commands, flags and paths; Ctrl-C ends the command, not the shell; ~/.editrc is "
    "read), and\n"
    "otherwise as a script, one command a line, lines that begin with # left out.\n"
    ".PP\n"
    "Words are separated by blanks; a word in \\(dq or \\(aq may contain them. Results go to "
    "stdout, "
    "remarks and\n"
    "errors to stderr. Names and, on a terminal, values are printed with control characters as "
    "\\exNN.\n"
    ".PP\n"
    "With\n"
    ".B \\-\\-json\n"
    "every result is one object on one line of stdout, errors are objects with a member "
    "\\(dqerror\\(dq\n"
    "(name, code, message, path), and events of watches objects with a member \\(dqevent\\(dq. A "
    "value that is no\n"
    "UTF-8 is \\(dqdata_base64\\(dq instead of \\(dqdata\\(dq.\n";

static const char man_tail[] =
    ".SH EXIT STATUS\n"
    "Of a script: that of the last command that failed.\n"
    ".TP\n.B 0\nDone.\n"
    ".TP\n.B 1\nA command failed: no such node, wrong version, a value that is refused.\n"
    ".TP\n.B 2\nNot understood: an option, a command or its arguments; nothing was done.\n"
    ".TP\n.B 3\nNo connection, or it was lost, the session expired, or the time was over.\n"
    ".TP\n.B 4\nThe login failed, or permission was refused.\n"
    ".TP\n.B 130\nCtrl-C. Other signals: 128 and their number.\n"
    ".PP\n"
    "Some commands that zkCli does not have say more with theirs (lock, elect, diff, doctor). "
    "With\n"
    ".B \\-\\-zkcli\n"
    "it is that of the last command, 1 for every failure and 127 for an unknown command, as "
    "zkCli's.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B ROOKERY_SERVER\nServers, if\n.B \\-server\nis not given.\n"
    ".TP\n.B ROOKERY_AUTH\nLogins as for\n.BR \\-\\-auth ,\none a line.\n"
    ".TP\n.B ROOKERY_HISTORY\nThe history file; empty: none. Else ~/.rookery_cli_history. Lines "
    "with addauth are not "
    "kept.\n"
    ".TP\n.B NO_COLOR\nNo colours if it is not empty.\n"
    ".TP\n.BR EDITOR ,\\  VISUAL\nFor edit.\n"
    ".SH FILES\n"
    "The file of\n.B \\-client\\-configuration\nis read for zookeeper.request.timeout; "
    "zookeeper.client.secure=true "
    "is refused; keys of\nSASL, TLS and of Java's sockets are passed over.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "rookery\\-cli \\-server a:2181,b:2181/app ls \\-R /\n"
    "rookery\\-cli \\-\\-json get /app/config | jq \\-r .data\n"
    "rookery\\-cli \\-c 'create /a 1; set /a 2; get \\-s /a'\n"
    "rookery\\-cli \\-\\-auth digest:admin:secret deleteall /old\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    "rookery\\-server(1)\n";

void rk_cli_print_man(FILE *to)
{
    fputs(man_head, to);
    put_options(to);
    put_commands(to);
    fputs(man_tail, to);
}

/* -- Completion of other shells -----------------------------------------------------------------
 */

static const struct {
    const char *shell, *script;
} completions[] = {
    {"bash",
     "# rookery-cli for bash: source <(rookery-cli --completion bash)\n"
     "_rookery_cli() {\n"
     "    local line=${COMP_LINE:0:COMP_POINT} IFS=$'\\n'\n"
     "    local -a words\n"
     "    IFS=$' \\t' read -r -a words <<<\"$line\"\n"
     "    [[ $line == *[$' \\t'] ]] && words+=(\"\")\n"
     "    local last=${words[-1]}\n"
     "    mapfile -t COMPREPLY < <(\"${words[0]}\" --complete \"${words[@]:1}\" 2>/dev/null)\n"
     "    # Colons end a word for readline: what stands before them stays.\n"
     "    local colon=${last%\"${last##*:}\"}\n"
     "    [[ $COMP_WORDBREAKS == *:* && -n $colon ]] && "
     "COMPREPLY=(\"${COMPREPLY[@]#\"$colon\"}\")\n"
     "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == /* ]] && compopt -o nospace\n"
     "    # Names of nodes are put into the line as they are: nothing of them is for the shell.\n"
     "    local i\n"
     "    for i in \"${!COMPREPLY[@]}\"; do printf -v COMPREPLY[i] %q \"${COMPREPLY[i]}\"; done\n"
     "    return 0\n"
     "}\n"
     "complete -F _rookery_cli rookery-cli\n"},
    {"zsh",
     "#compdef rookery-cli\n"
     "# rookery-cli for zsh: source <(rookery-cli --completion zsh)\n"
     "_rookery_cli() {\n"
     "    local -a found\n"
     "    found=(\"${(@f)$(\"${words[1]}\" --complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
     "    found=(\"${(@)found:#}\")\n"
     "    (( ${#found} )) || return 1\n"
     "    if [[ $found[1] == /* ]]; then\n"
     "        compadd -S '' -a found\n"
     "    else\n"
     "        compadd -a found\n"
     "    fi\n"
     "}\n"
     "if [[ $funcstack[1] == _rookery_cli ]]; then\n"
     "    _rookery_cli \"$@\"\n"
     "else\n"
     "    compdef _rookery_cli rookery-cli\n"
     "fi\n"},
    {"fish", "# rookery-cli for fish: rookery-cli --completion fish | source\n"
             "function __rookery_cli\n"
             "    set -l words (commandline -opc)\n"
             "    $words[1] --complete $words[2..-1] (commandline -ct) 2>/dev/null\n"
             "end\n"
             "complete -c rookery-cli -f -a '(__rookery_cli)'\n"},
};

bool rk_cli_print_completion(FILE *to, const char *shell)
{
    for (size_t i = 0; i < sizeof completions / sizeof completions[0]; i++) {
        if (strcmp(completions[i].shell, shell) == 0) {
            fputs(completions[i].script, to);
            return true;
        }
    }
    return false;
}
