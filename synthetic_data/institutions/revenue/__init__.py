"""HM Revenue and Customs: National Insurance numbers, weeks of work, and earnings by tax year."""
