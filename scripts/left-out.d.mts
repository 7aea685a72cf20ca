export function mustNotBeLeftOut(title: string): boolean;
