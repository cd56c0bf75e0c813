// A reporter that prints each failed test when it fails: the usual one prints why only at its end, which a run that is ended before never
// reaches. And a line every half minute, so that a run without a terminal does not look halted.

const PROGRESS_EVERY_MS = 30_000;

export default class FailuresAtOnce {
  onTestRunStart(files) {
    this.files = files.length;
    this.ended = 0;
    this.toldAtMs = performance.now();
  }

  onTestCaseResult(test) {
    const { state, errors = [] } = test.result();
    if (state === 'failed') print(`${test.module.relativeModuleId} > ${test.fullName}`, errors);
  }

  /** Of a hook. */
  onTestSuiteResult(suite) {
    if (suite.errors().length > 0) print(`${suite.module.relativeModuleId} > ${suite.fullName}`, suite.errors());
  }

  /** Of a hook, or of a file that could not be loaded. */
  onTestModuleEnd(module) {
    if (module.errors().length > 0) print(module.relativeModuleId, module.errors());
    this.ended += 1;
    if (performance.now() - this.toldAtMs < PROGRESS_EVERY_MS) return;
    this.toldAtMs = performance.now();
    console.log(`${this.ended} of ${this.files} files of tests have ended`);
  }

  /** Of what no test waited for, such as a promise that was rejected after its test; or of a process that has died. */
  onTestRunEnd(_modules, errors) {
    if (errors.length > 0) print('outside of any test', errors);
  }
}

function print(what, errors) {
  console.log(`\nFAILED ${what}`);
  for (const { message, stack, diff } of errors) console.log([stack ?? message, diff].filter(Boolean).join('\n'));
}
