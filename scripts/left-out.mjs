// Which tests may be left out when everything is to be run: those that need recorded data or the Moddable SDK, and no others.

/** Whether a group of tests that was left out must not be when everything is to be run; its title says why it was. */
export function mustNotBeLeftOut(title) {
  return !/EBALANCE_DATA|MODDABLE/.test(title);
}
