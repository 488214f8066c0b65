"""What ``ctest.sh --help`` prints."""

USAGE = """\
usage: ./ctest.sh [options]      at the top for all workloads, in build/workload/<W> for one

choose cases (options of ctest; all of them are passed on)
  -N                      list the cases, run nothing
  -R REGEX, -E REGEX      run, leave out the cases whose name matches
  -L REGEX, -LE REGEX     the same for labels: workload, function, mode, precision, gated, pkm, full
  --testcase NAME         exactly this case: -R ^NAME$
  --rerun-failed          what failed last time, in any loop or burst
  -V, -Q, -O FILE ...     as ctest --help says; -V shows the KPIs

change parameters (a case with a change is recorded as customized)
  --set NAME=VALUE        repeatable; stands above --config, and --config above the environment (NAME=VALUE ./ctest.sh)
  --set 'NAME=V1 V2 ...'  one value for each loop and member of a burst: 1 2 4 ...64 |8 /OTHER=5 6
  --config FILE           YAML: sections are patterns of test names, below them NAME: VALUE
  --noenv                 as if the environment held no parameter, and little else
  --describe-params       every parameter: default, allowed values, meaning; with -R also the values of those cases

run
  --run N                 each case N times, all kept: itr-1 ... itr-N; with --sweep N rounds over all points
  --loop N                all of it N times, each time in log directories of its own
  --burst N               N times at the same time, each on an equal part of the cores
  --until cv=P%,max=N     each case again until its runs lie so near together; ci=P%: until the mean is known so well
  --continue              go on with the next loop after a failure; the exit code tells of it all the same
  --resume                what an earlier, interrupted or failed call with the same cases and values has left to do
  --dry-run               print the plan, run nothing

sweep
  --sweep NAME=V1,V2,...  repeatable: the cases of -R with each combination of the values; a table names the best
  --zip                   the values of all --sweep in step, instead of every combination
  --repeat-best N         run the best point of each case N times more

results
  --compare BASELINE      then hold the runs against those in BASELINE, as pinbench compare does; worse is exit code 1
  --attach FILE           repeatable: a copy in every log directory
  --reset-recent          forget the runs that list-kpi.sh --recent lists; nothing is deleted

long work
  --testset FILE          a plan of several such calls, one YAML document each
  --nohup [LOG]           go on when the terminal closes; shows LOG (nohup.out) as it grows
  --daemon [LOG]          go on in the background; its output is in LOG (daemon.out)
  --status [N]            what runs in this build folder, with the last N lines of each log
  --stop [ID|all]         end it as Ctrl-C would
  --options "WORDS"       as if WORDS stood here
  --help                  this text

containers (BACKEND=docker)
  --status[=N]            also the containers of cases, and the last N lines of each
  --stop[=PREFIX]         also end those whose case begins so, or all; who waits for one gets its logs
  --check-docker-image    whether the images of the cases (of -R) are here or in the registry
  --push-docker-image[=REGISTRY]   push them there

exit code: 0 all passed or skipped; 1 worse than BASELINE, or not as near together as --until asks; 2 wrong usage, or no
case is chosen; 8 a case failed (ctest's own); 130 or 143 interrupted
"""
