// Owns: a reporter that prints each failed test when it fails. The usual one prints why only at its end, which a run that is ended before
// never reaches.

export default class FailuresAtOnce {
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
  }
}

function print(what, errors) {
  console.log(`\nFAILED ${what}`);
  for (const { message, stack, diff } of errors) console.log([stack ?? message, diff].filter(Boolean).join('\n'));
}
