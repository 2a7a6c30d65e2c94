export function administer() { const element = document.createElement("div"); return { element, show() {} }; }
