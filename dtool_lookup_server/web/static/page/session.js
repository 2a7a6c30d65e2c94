/** The token, in the tab's own storage: another tab, or a restart, knows nothing of it. */

const KEY = "dtool-lookup-server-token";

/** Return the token, or null. */
export function token() {
  return sessionStorage.getItem(KEY);
}

/** Keep a token. */
export function keep(newToken) {
  sessionStorage.setItem(KEY, newToken);
}

/** Forget the token. */
export function forget() {
  sessionStorage.removeItem(KEY);
}

/** Return the token in what somebody pasted: without "Bearer", quotes and line breaks. */
export function cleaned(text) {
  return text.replace(/^\s*(authorization:)?\s*bearer\s+/i, "").replace(/[\s"']/g, "");
}

/** Tell whether a token is an access token: one for scripts, which may do less. */
export function isAccessToken(text) {
  return text?.startsWith("dtool_lookup_") ?? false;
}

/** Return what is wrong with a text as a token, or null if it may be one. */
export function fault(text) {
  if (isAccessToken(text)) return null;
  const parts = text.split(".");
  if (parts.length !== 3) return "That is no token: a token has three parts with dots between.";
  const ends = claims(text)?.exp;
  if (ends && ends * 1000 < Date.now()) {
    return `That token ended on ${new Date(ends * 1000).toLocaleString()}: ask for a new one.`;
  }
  return null;
}

function claims(text) {
  try {
    const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload));
  } catch {
    return null;
  }
}
