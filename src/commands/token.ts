import { newToken } from '../api/access/tokenBook.js';
import type { TokenSettings } from '../config/accessSettings.js';
import type { Output } from './output.js';

/** Makes a token and prints it, once, with the line that the deployment needs. */
export async function tokenCommand(
  output: Output,
  { name, role }: Pick<TokenSettings, 'name' | 'role'>,
): Promise<undefined> {
  const { token, sha256 } = newToken();
  const entry: TokenSettings = { name, sha256, role };
  output.document({ token, entry });
  output.line(`The token of ${name}; it is shown only now:\n\n  ${output.paint('bold', token)}\n`);
  output.line('For the deployment, which needs only its hash:\n');
  output.line(
    `  access:\n    tokens:\n      - { name: ${JSON.stringify(name)}, role: ${role}, sha256: ${sha256} }`,
  );
  return undefined;
}
