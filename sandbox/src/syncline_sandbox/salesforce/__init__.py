"""The Salesforce org sandbox: one org's data, its APIs and its control endpoint, behind one `handle(request)`."""
