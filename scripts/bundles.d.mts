export function root(path: string): string;
export function bundleForNode(entry: string, outfile: string, alias?: Record<string, string>, external?: readonly string[]): Promise<string>;
export function bundleDeviceForNode(entry: string, outfile: string): Promise<string>;
export function bundleSdkForXs(outfile: string): Promise<string>;
export function bundleDerForXs(outfile: string): Promise<string>;
export function bundleDeviceForXs(entry: string, outfile: string): Promise<string>;
export function bundleBoardForXs(outfile: string): Promise<string>;
export function bundleExampleForBoard(entry: string, outfile: string, preloaded?: readonly string[]): Promise<string>;
