/**
 * The help of the command.
 *
 * @module
 */

/** The text that `weir --help` writes. */
export const USAGE = `Limits tried on access logs before they are set.

Usage:
  weir replay LOG... --rules FILE [--format NAME] [--json FILE|-]
  weir suggest LOG... [--key ip|user] [--window 1min] [--route PATTERN] [--format NAME] [--json FILE|-]
  weir promote --stats URL|FILE --rule NAME [--max-share 0.1%]    (see weir promote --help)

LOG is an access log, packed with gzip or not; "-" is standard input. Several are merged by time.

  --rules FILE     a module that exports rules (default, rules with options, or throttle), or JSON
  --format NAME    the format of the logs; without it their first lines say
  --json FILE      writes the figures as JSON as well; "-" writes them alone, to standard output
  --key, --window, --route
                   whose requests count together, within how long, and which; each may be given several times
  --help           writes this

Examples:
  weir suggest /var/log/nginx/access.log*
  weir replay /var/log/nginx/access.log --rules rules.mjs
  zcat access.log.*.gz | weir replay - --rules rules.mjs --json -

Exit codes: 0 done, 1 a log or the rules cannot be read, 2 the command was misspelt.
`;
