export function overview() { const element = document.createElement("div"); return { element, show() {} }; }
