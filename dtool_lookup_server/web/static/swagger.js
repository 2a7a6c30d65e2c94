"use strict";

// Starts Swagger UI on the element that carries the address of the OpenAPI document.
// OPENAPI_SWAGGER_UI_CONFIG has the last word.
const element = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  url: element.dataset.specUrl,
  domNode: element,
  deepLinking: true,
  // By default each page is sent to a validator on the internet.
  validatorUrl: null,
  ...JSON.parse(element.dataset.config),
});
