/**
 * Takes names and passwords out of the addresses in a text: those of components may hold some, and end up in messages.
 * Source: RFC 3986 section 3.2.1.
 */
export function hideCredentials(text: string): string {
  // A scheme has few letters. Without that bound a long text of a client would take minutes.
  return text.includes('@') ? text.replaceAll(/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@"']+@/gi, '$1***@') : text;
}
